// Package runtime imports what subscribes.
package runtime

import (
	_ "github.com/destam-go/destamgen/runtime/destam"
	_ "github.com/destam-go/destamgen/runtime/observe"
)
