"""The command line: one module per command; only this room prints, only `wiring` knows concrete classes."""
