"""The live driver, the broker's adapter and the stream client inside a simulated world: real bytes, virtual time.

Each simulated process has an event loop of its own (`loop`) and the threads of its crew; what it says goes through a
network without sockets (`network`) to the exchange's real server. Nothing here waits, and nothing knows the real time.
"""
