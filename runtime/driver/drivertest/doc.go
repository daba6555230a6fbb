// Package drivertest holds the tests that every storage driver passes, and a
// wrapper that makes any driver fail on purpose.
//
// A driver's test is short:
//
//	func TestDriver(t *testing.T) {
//		drivertest.Run(t, func(t *testing.T) driver.Driver { return memory.Open(nil) }, nil)
//	}
//
// A driver whose Stats say Durable gives the suite the means to prove it, see
// [Options]; a driver that says Durable and gives none fails.
//
// [Faults] is for the tests of whatever uses a driver: its k-th call fails
// before it did anything, after it did all, or with an unknown outcome.
package drivertest
