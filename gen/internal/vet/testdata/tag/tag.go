// Package tag has every sort of mistake whose correction is certain, and some
// whose is not.
package tag

type Note struct {
	_      struct{} `destam:"table=notes"`
	Query  Query    `destam:"query"`
	Title  string   `destam:"title,lokal"` // want `field Title: unknown option "lokal" \(fix: local\)`
	Text   string   // want `field Text of Note has no destam tag`
	Draft  bool     `json:"draft" destam:"draft,local,local"` // want `local is said twice`
	Meta   string   `destam:"meta,"`                          // want `an option is missing after the comma`
	Place  string   "destam:\"place,lokal\""                  // want `unknown option "lokal"`
	Events chan int `destam:"events"`                         // want `a channel cannot be stored`
	Upper  string   `Destam:"upper"`                          // want `the key "Destam" is not "destam", so nobody reads this tag \(fix: destam\)`
	Comma  string   `json:"comma",destam:"comma"`             // want `the key ",destam" is not "destam", so nobody reads this tag \(fix: a space between the tags\)`
	Need   string   `destam:"need,required"`                  // want `unknown option "required" \(fix: leave it out: only a pointer can be absent\)`
	Count  int      `destam:"count,omitempty"`                // want `there is no omitempty`
}

type Other struct {
	_ struct{} `destam:"table=others,local"` // want `table= takes no options`
}

type Query struct {
	Slug  string  `destam:"slug,unike"`        // want `field Slug: unknown option "unike" \(fix: unique\)`
	Email string  `destam:"email,unique=true"` // want `unique takes no value \(fix: unique\)`
	Price float64 `destam:"price"`             // want `float64 cannot be asked for exactly`
}
