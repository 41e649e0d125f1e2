"""The packages of kdprobe: those below `kdprobe/`, found, and `suites/`, which installs inside it.

Everything else stands in `pyproject.toml`, where no mapping can be joined with found packages.
"""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["kdprobe", "kdprobe.*"]), "kdprobe.suites"],
    package_dir={"kdprobe": "kdprobe", "kdprobe.suites": "suites"},
)
