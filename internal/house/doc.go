// Package house holds the tests of the project as a whole: which package may
// import which, that everything is documented, what the public packages
// export, what no file may say, and that README.md does what it promises.
//
// It has no code of its own. What is allowed is data at the top of each test,
// so a new package, edge or dependency is one line there and a reason in the
// commit. After a change of the public API,
//
//	go test ./internal/house -run Surface -update
//
// writes it down; the diff is what a reviewer looks at.
package house
