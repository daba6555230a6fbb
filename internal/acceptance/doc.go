// Package acceptance tries the whole: a model with every kind of field that
// the generator knows, its generated code, the runtime, and the drivers.
package acceptance
