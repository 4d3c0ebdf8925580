#!/bin/sh
# Find a Python that can run this book, and let it set up .venv (tools/install.py).
# usage: [PYTHON=/path/to/python3.12] sh tools/install.sh GROUP...
# The groups are the optional dependencies of pyproject.toml.
set -u
cd "$(dirname "$0")/.." || exit 1

supported='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
complete='import ensurepip, venv'
version='import sys; print("%d.%d.%d" % sys.version_info[:3])'
unfit='' incomplete=''

for name in ${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do
    found=$("$name" -c "$version" 2>/dev/null) || continue
    if ! "$name" -c "$supported" 2>/dev/null; then
        unfit=${unfit:-"$name is Python $found"}
    elif ! "$name" -c "$complete" 2>/dev/null; then
        incomplete=${incomplete:-$name}
    else
        exec "$name" tools/install.py ${PYTHON:+--exactly} "$@"
    fi
done

if [ -n "$incomplete" ]; then
    echo "$incomplete lacks the modules venv and ensurepip, which make .venv:" \
        "install them (on Debian and Ubuntu: apt install python3-venv)." >&2
elif [ -n "$unfit" ]; then
    echo "Python 3.11, 3.12 or 3.13 is needed, and $unfit: install one of them," \
        "or name one with make PYTHON=/path/to/python3.12." >&2
elif [ -n "${PYTHON:-}" ]; then
    echo "PYTHON=$PYTHON does not run: name a Python 3.11, 3.12 or 3.13." >&2
else
    echo "No Python was found: install Python 3.11, 3.12 or 3.13," \
        "or name one with make PYTHON=/path/to/python3.12." >&2
fi
exit 1
