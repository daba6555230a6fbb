// Package exact writes msgpack as JSON and reads it back without losing
// anything: what JSON has no word for becomes an object with one member whose
// name begins with $.
//
//	nil, bool, string        as JSON has them
//	integer                  digits, of any 64 bits
//	float of eight bytes     a number with a point or an exponent
//	                         {"$float": "NaN"}, "Infinity", "-Infinity", or the 16 digits of its bits after 0x
//	float of four bytes      {"$float32": …} of the same
//	text that is not UTF-8   {"$text": base64}
//	binary data              {"$bytes": base64}
//	instant                  {"$time": RFC 3339}, [seconds, nanoseconds] where that has no year for it
//	extension                {"$ext": [type, base64]}
//	array                    an array
//	map                      an object, if all keys are text that does not begin with $;
//	                         otherwise {"$map": [[key, value], …]}
//
//	any value                {"$msgpack": base64} of its bytes: what was not written in the shortest form
//
// The order of members is kept. [Append] writes values, which come back in
// msgpack's shortest form; [AppendSame] writes bytes, which come back as they are.
package exact
