package main

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

const (
	crowd    = 64
	perOne   = 100 // documents of each goroutine
	turnLong = 80 * time.Millisecond
	together = 1000 // records that share a sync
)

// progress says how far the documents of a contender are.
type progress struct{ seqs []uint32 }

func (p *progress) next(doc int) record {
	p.seqs[doc]++
	return record{uint64(doc), p.seqs[doc], body()}
}

// commits measures durable records: of one goroutine, of 64, and a thousand
// with one sync.
func (o *options) commits() {
	all := o.contenders("commit", func(kind) bool { return true })
	crowds := make([]store, len(all))
	logs := make([]progress, len(all))
	for i, c := range all {
		if crowds[i] = c.store; c.grouped {
			crowds[i] = newGrouped(c.store)
		}
		logs[i].seqs = make([]uint32, crowd*perOne)
		for from := 0; from < crowd*perOne; from += together {
			var rs []record
			for doc := from; doc < min(from+together, crowd*perOne); doc++ {
				rs = append(rs, logs[i].next(doc))
			}
			check(c.Begin(rs))
		}
	}
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	for range o.rounds {
		rand.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
		for _, i := range order {
			all[i].note("1 goroutine /s", turn(all[i].store, &logs[i], 1))
		}
		for _, i := range order {
			all[i].note("64 goroutines /s", turn(crowds[i], &logs[i], crowd))
		}
		for _, i := range order {
			all[i].note("1000 a sync /s", bulk(all[i].store, &logs[i]))
		}
	}
	const many = "64 goroutines /s"
	for _, c := range all {
		for _, of := range all {
			if of.name == "raw" || of.name == "pebble" {
				for r := range c.figures[many] {
					c.note("of "+of.name, c.figures[many][r]/of.figures[many][r])
				}
			}
		}
		check(c.Close())
	}
	table("Durable records of 80 bytes, each durable before the next of its goroutine", all,
		column{"1 goroutine /s", "%.0f"}, column{many, "%.0f"}, column{"of raw", "%.2f"}, column{"of pebble", "%.2f"},
		column{"1000 a sync /s", "%.0f"})
}

// turn appends with goroutines of documents of their own, and gives the rate.
func turn(s store, p *progress, goroutines int) float64 {
	var n atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for g := range goroutines {
		wg.Go(func() {
			for i := 0; time.Since(start) < turnLong; i++ {
				check(s.Append(p.next(g*perOne + i%perOne)))
				n.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(n.Load()) / time.Since(start).Seconds()
}

// bulk appends a thousand records at once, over and over, and gives the rate.
func bulk(s store, p *progress) float64 {
	n, start := 0, time.Now()
	for time.Since(start) < turnLong {
		rs := make([]record, together)
		for i := range rs {
			rs[i] = p.next((n + i) % len(p.seqs))
		}
		check(s.AppendAll(rs))
		n += together
	}
	return float64(n) / time.Since(start).Seconds()
}
