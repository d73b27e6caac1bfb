package http2split

// inflow is what a sender may still send us, and what we owe it.
type inflow struct {
	avail int // what it may send, as far as it will know
	owed  int // what it may be told to send more
}

// credit adds n to what is owed, and returns what is to be told now: small
// amounts wait for others, unless the sender has as little.
func (f *inflow) credit(n int) int {
	f.owed += n
	if f.owed <= 0 || f.owed < 16<<10 && f.owed < f.avail {
		return 0
	}
	n = min(f.owed, maxID-max(f.avail, 0))
	f.owed -= n
	f.avail += n
	return n
}
