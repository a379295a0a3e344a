package weather

import (
	"crypto/tls"
	"net"
	"reflect"
	"syscall"
)

// queueOf finds out how many bytes of a connection the other side has not taken yet:
// a slow line is busy with them long after they were written. nil if that is not known.
func queueOf(conn net.Conn) func() int {
	for range 4 {
		switch c := conn.(type) {
		case *tls.Conn:
			if c.ConnectionState().NegotiatedProtocol == "h2" {
				return nil // it carries other requests as well
			}
			conn = c.NetConn()
		case syscall.Conn:
			raw, err := c.SyscallConn()
			if err != nil {
				return nil
			}
			return func() int {
				length := -1
				_ = raw.Control(func(fd uintptr) { length = queueLength(int(fd)) })
				return length
			}
		default:
			// The connections of rclone have the true one inside (fs/fshttp).
			value := reflect.ValueOf(conn)
			if value.Kind() == reflect.Pointer {
				value = value.Elem()
			}
			if value.Kind() != reflect.Struct {
				return nil
			}
			field := value.FieldByName("Conn")
			if !field.IsValid() || !field.CanInterface() {
				return nil
			}
			inner, ok := field.Interface().(net.Conn)
			if !ok {
				return nil
			}
			conn = inner
		}
	}
	return nil
}
