"""Devices as data: rates and sizes from data sheets, one entry each in ``devices.yaml``."""

from hiera_compiler.devices.catalogue import device, names
from hiera_compiler.devices.model import Device

__all__ = ["Device", "device", "names"]
