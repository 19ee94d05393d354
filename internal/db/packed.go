package db

import (
	"database/sql/driver"
	"encoding/binary"
)

// PostgreSQL's numbers for the types of array elements (pg_type.oid).
const (
	byteaOID = 17
	int8OID  = 20
	textOID  = 25
)

// Packed is Array in PostgreSQL's binary format, which neither side has to print and
// parse: for the statements of the counter. The parameter must be exactly bigint[] for
// int64, text[] for string, bytea[] for []byte.
func Packed[T int64 | string | []byte](slice []T) driver.Valuer { return packed[T](slice) }

type packed[T int64 | string | []byte] []T

// Value writes the format of array_send: dimensions, a flag for NULLs, the elements'
// type, then length and lower bound of the one dimension, then each element after its
// length. No dimension at all is the empty array.
func (p packed[T]) Value() (driver.Value, error) {
	b := make([]byte, 0, 20+16*len(p))
	b = binary.BigEndian.AppendUint32(b, uint32(min(len(p), 1)))
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, p.element())
	if len(p) == 0 {
		return b, nil
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
	b = binary.BigEndian.AppendUint32(b, 1)
	for _, value := range p {
		switch v := any(value).(type) {
		case int64:
			b = binary.BigEndian.AppendUint32(b, 8)
			b = binary.BigEndian.AppendUint64(b, uint64(v))
		case string:
			b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
			b = append(b, v...)
		case []byte:
			b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
			b = append(b, v...)
		}
	}
	return b, nil
}

func (packed[T]) element() uint32 {
	var zero T
	switch any(zero).(type) {
	case int64:
		return int8OID
	case string:
		return textOID
	default:
		return byteaOID
	}
}
