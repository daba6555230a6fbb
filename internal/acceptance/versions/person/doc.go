// Package person is the model of the program after it: authors have become persons.
package person
