// Package author is the model of a program whose pages name their author.
package author
