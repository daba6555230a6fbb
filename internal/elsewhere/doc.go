// Package elsewhere lets a test have its other half in another process: the same
// binary, running one test, that answers what it is asked over pipes.
package elsewhere
