package stale // want `destam.lock is stale: run go generate`

type Note struct {
	Title string `destam:"title"`
}
