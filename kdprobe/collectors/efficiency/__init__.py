"""What every model costs, measured side by side.

Does: count, time and weigh. Does not: judge; `analysis/efficiency` does.
"""
