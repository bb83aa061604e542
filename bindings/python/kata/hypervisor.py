# SPDX-License-Identifier: LGPL-2.1-or-later
"""hypervisor: one backend as seen on this host."""

import ctypes
import json
from typing import Any, Optional

from . import _abi
from ._abi import encode, lib, text
from ._handle import Handle
from .errors import InvalidError


class Hypervisor(Handle):
    """A backend, probed here and now; from Runtime.open_hypervisor()."""

    _unref_name = "kata_hypervisor_unref"

    @property
    def name(self) -> str:
        """Its name."""
        ref = self._ref
        return text(lib.kata_hypervisor_get_name(ref.pointer))

    def has(self, capability: str) -> bool:
        """Does it have a capability here, for example "pause"? InvalidError: there is none of that name."""
        return self.reason(capability) is None

    def reason(self, capability: str) -> Optional[str]:
        """Why it lacks a capability; None = it has it."""
        ref, why = self._ref, ctypes.c_char_p()
        result = lib.kata_hypervisor_has(ref.pointer, encode(capability, "capability"), ctypes.byref(why))
        if result < 0:
            raise InvalidError(f"no capability {capability!r}", capability)
        return None if result > 0 else text(why.value)

    def describe(self) -> Any:
        """Everything known of it: {"name", "version", "path", "limits", "capabilities"}."""
        ref = self._ref
        return json.loads(_abi.take_text(self._make(lib.kata_hypervisor_describe, ref.pointer)))
