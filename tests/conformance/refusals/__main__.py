"""Prints every refusal: status, code, text, further fields, and what causes it."""

from conformance.refusals import REFUSALS

for refusal in REFUSALS:
    fields = f" (+ {', '.join(refusal.extra)})" if refusal.extra else ""
    print(f"{refusal.status} {refusal.code or '-':>8}  {refusal.text}{fields}  <- {refusal.name}")
