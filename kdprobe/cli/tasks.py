"""`kdprobe tasks [NAME]`: what can be classified, and where its files are."""
