// Command linear judges what several processes did to documents, for the tests
// of package mongodb: whether for each document there is one order of all
// operations that explains every answer and in which no operation comes after
// one that began when it had ended.
//
// It reads the operations as JSON and ends with status 0 when there is such an
// order, 1 and a line that names a document when there is none, 2 when
// something else is wrong. The checker is porcupine.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/anishathalye/porcupine"
)

// operation is one call and its answer. A document is a set of tokens: Adds is
// the sum of the one that the operation adds, 0 for none. Sum and Count are of
// the tokens that it saw before that, if it Saw any.
type operation struct {
	Document string
	Client   int
	Call     int64 // on one clock for all
	Return   int64
	Adds     uint64
	Saw      bool
	Sum      uint64
	Count    int
}

// state is the tokens of a document, whatever their order.
type state struct {
	sum   uint64
	count int
}

// patience is how long a judgement may take.
const patience = time.Minute

var model = porcupine.Model{
	Init: func() any { return state{} },
	Step: func(before, input, _ any) (bool, any) {
		s, op := before.(state), input.(operation)
		if op.Saw && (op.Sum != s.sum || op.Count != s.count) {
			return false, s
		}
		if op.Adds != 0 {
			s.sum, s.count = s.sum^op.Adds, s.count+1
		}
		return true, s
	},
}

func main() {
	var all []operation
	if err := json.NewDecoder(os.Stdin).Decode(&all); err != nil {
		fmt.Fprintln(os.Stderr, "linear:", err)
		os.Exit(2)
	}
	histories := make(map[string][]porcupine.Operation)
	for _, op := range all {
		histories[op.Document] = append(histories[op.Document],
			porcupine.Operation{ClientId: op.Client, Input: op, Call: op.Call, Return: op.Return})
	}
	for document, history := range histories {
		switch porcupine.CheckOperationsTimeout(model, history, patience) {
		case porcupine.Illegal:
			fmt.Printf("document %s: no order explains what its %d operations saw\n", document, len(history))
			os.Exit(1)
		case porcupine.Unknown:
			fmt.Fprintf(os.Stderr, "linear: document %s: no judgement of %d operations in %v\n", document, len(history), patience)
			os.Exit(2)
		}
	}
}
