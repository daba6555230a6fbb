package missing // want `missing_destam.go is stale: run go generate` `destam.lock is stale: run go generate`

type Note struct {
	Title string `destam:"title"`
}
