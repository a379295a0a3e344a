package weather

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"reflect"
	"syscall"

	"bridge/limit"
)

// queueOf finds out how many bytes of a connection the other side has not taken yet:
// a slow line is busy with them long after they were written. nil if that is not known.
func queueOf(conn net.Conn) func() int {
	raw, alone := rawOf(conn)
	if raw == nil || !alone {
		return nil
	}
	return func() int {
		length := -1
		_ = raw.Control(func(fd uintptr) { length = queueLength(int(fd)) })
		return length
	}
}

// narrow has the system buffer no more of a connection than the limit of the bandwidth
// allows: what it has taken in has been on the line.
func narrow(conn net.Conn) {
	window := limit.Window()
	if window == 0 {
		return
	}
	if raw, _ := rawOf(conn); raw != nil {
		_ = raw.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, window)
		})
	}
}

// Narrow has the connections of all requests with this context be as narrow as the limit
// wants them.
func Narrow(ctx context.Context) context.Context {
	if limit.Window() == 0 {
		return ctx
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(got httptrace.GotConnInfo) { narrow(got.Conn) },
	})
}

// rawOf is the socket of a connection, or nil; alone: no other request uses it meanwhile.
func rawOf(conn net.Conn) (raw syscall.RawConn, alone bool) {
	alone = true
	for range 4 {
		switch c := conn.(type) {
		case *tls.Conn:
			alone = alone && c.ConnectionState().NegotiatedProtocol != "h2"
			conn = c.NetConn()
		case syscall.Conn:
			raw, err := c.SyscallConn()
			if err != nil {
				return nil, false
			}
			return raw, alone
		default:
			// The connections of rclone have the true one inside (fs/fshttp).
			value := reflect.ValueOf(conn)
			if value.Kind() == reflect.Pointer {
				value = value.Elem()
			}
			if value.Kind() != reflect.Struct {
				return nil, false
			}
			field := value.FieldByName("Conn")
			if !field.IsValid() || !field.CanInterface() {
				return nil, false
			}
			inner, ok := field.Interface().(net.Conn)
			if !ok {
				return nil, false
			}
			conn = inner
		}
	}
	return nil, false
}
