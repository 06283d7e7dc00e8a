"""The proof: the engine, its store and its line to the exchange live through seeded misfortune in virtual time.

`World` is one seed's life, `Schedule` what happens in it, `Director` who decides when a fault strikes, `Link`, `Line`,
`Disk` and `Machine` where it strikes. The judge, who shares no code with what is judged, says what may never be.
"""
