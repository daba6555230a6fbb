package mongodb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// message is one message of MongoDB's wire protocol, in either direction.
type message struct {
	id, to int32 // its number, and that of the request that it answers
	op     int32
	data   []byte // behind the header
}

// The kinds of messages that there are today; the first two only serve to say
// hello.
const (
	opReply = 1
	opQuery = 2004
	opMsg   = 2013
)

// largestMessage is what MongoDB allows.
const largestMessage = 48_000_000

func readMessage(r io.Reader) (m message, err error) {
	var header [16]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return m, err
	}
	n := binary.LittleEndian.Uint32(header[0:])
	if n < 16 || n > largestMessage {
		return m, fmt.Errorf("a message of %d bytes", n)
	}
	m.id, m.to = int32(binary.LittleEndian.Uint32(header[4:])), int32(binary.LittleEndian.Uint32(header[8:]))
	m.op, m.data = int32(binary.LittleEndian.Uint32(header[12:])), make([]byte, n-16)
	_, err = io.ReadFull(r, m.data)
	return m, err
}

func (m message) bytes() []byte {
	b := make([]byte, 0, 16+len(m.data))
	for _, v := range []int32{int32(16 + len(m.data)), m.id, m.to, m.op} {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return append(b, m.data...)
}

// split gives where the body of a message is, and the documents beside it, as
// those of an insert are.
func (m message) split() (from, to int, documents []bson.Raw, err error) {
	switch m.op {
	case opReply:
		return 20, len(m.data), nil, nil
	case opQuery:
		end := bytes.IndexByte(m.data[4:], 0)
		return 4 + end + 9, len(m.data), nil, nil
	case opMsg:
	default:
		return 0, 0, nil, fmt.Errorf("a message of kind %d", m.op)
	}
	for at := 4; at < len(m.data); {
		kind := m.data[at]
		n := int(binary.LittleEndian.Uint32(m.data[at+1:]))
		switch kind {
		case 0:
			from, to = at+1, at+1+n
		case 1:
			rest := m.data[at+5 : at+1+n]
			rest = rest[bytes.IndexByte(rest, 0)+1:]
			for len(rest) > 0 {
				size := binary.LittleEndian.Uint32(rest)
				documents, rest = append(documents, bson.Raw(rest[:size])), rest[size:]
			}
		default:
			return 0, 0, nil, fmt.Errorf("a section of kind %d", kind)
		}
		at += 1 + n
	}
	if to == 0 {
		err = errors.New("a message without a body")
	}
	return from, to, documents, err
}

// body is the command or the answer in a message.
func (m message) body() (bson.D, error) {
	from, to, _, err := m.split()
	if err != nil {
		return nil, err
	}
	var d bson.D
	err = bson.Unmarshal(m.data[from:to], &d)
	return d, err
}

// with is the message with another body.
func (m message) with(body bson.D) (message, error) {
	from, to, _, err := m.split()
	if err != nil {
		return m, err
	}
	b, err := bson.Marshal(body)
	m.data = bytes.Join([][]byte{m.data[:from], b, m.data[to:]}, nil)
	return m, err
}

// answer makes the answer to a request.
func (m message) answer(body bson.D) (message, error) {
	b, err := bson.Marshal(body)
	return message{to: m.id, op: opMsg, data: append(make([]byte, 5), b...)}, err
}

// lookup gives the value of a field, nil if there is none.
func lookup(d bson.D, name string) any {
	for _, e := range d {
		if e.Key == name {
			return e.Value
		}
	}
	return nil
}
