module github.com/destam-go/destamgen

go 1.26
