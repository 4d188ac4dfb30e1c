#!/bin/sh
# A stand-in for python:3.11-slim where no image can be pulled: Debian 12 with its Python, from Debian's packages.
# Needs root, debootstrap and podman. Usage: base_image.sh [MIRROR]
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
debootstrap --variant=minbase --include=python3,python3-venv,python3-pip,ca-certificates \
  bookworm "$folder" "${1:-http://deb.debian.org/debian}" >&2
ln -s python3 "$folder/usr/bin/python"
rm -f "$folder"/usr/lib/python3*/EXTERNALLY-MANAGED
tar -C "$folder" -c . | podman import -q - localhost/python:3.11-slim
