package doc

// Commit gives what was changed as listeners would get it.
func (p *Pending) Commit() *Commit {
	c := &Commit{Cause: Cause{By: p.By, Because: p.Because}, Time: p.Time}
	for _, x := range p.deltas {
		if x.Renamed() == nil {
			c.Deltas = append(c.Deltas, x)
		}
	}
	var b boxes
	for i := range p.kept {
		c.Deltas = append(c.Deltas, p.kept[i].delta(&b))
	}
	return c
}
