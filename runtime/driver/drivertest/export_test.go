package drivertest

import "time"

// SetPatience shortens how long the suite waits for what never ends.
func SetPatience(d time.Duration) { patience = d }
