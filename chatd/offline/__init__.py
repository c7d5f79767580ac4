"""Changes a data folder where no daemon uses it: what operators do about accounts with `chatctl user`.

It goes the daemon's own way, by the rules of `chatd.chat` and the store. Only the command line calls it.
"""
