// gorilla/websocket (Debian's golang-github-gorilla-websocket-dev) through the cases. usage: gorilla_client ADDRESS
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

const (
	limitBytes   = 1 << 20
	timeout      = 30 * time.Second
	fragmentSize = 512
	text         = "Grüße, 世界 🌫️👋🏽 and one more: 👩‍👩‍👧‍👦"
	reason       = "bis später 👋"
)

var version = "of unknown version" // set by the linker

type client struct {
	address string
	tls     *tls.Config
}

func letters(size int) []byte {
	return bytes.Repeat([]byte("abcdefghijklmnopqrstuvwxyz"), size/26+1)[:size]
}

func someBytes(size int) []byte {
	all := make([]byte, size)
	for i := range all {
		all[i] = byte(i*7 + i>>8)
	}
	return all
}

func (c *client) connect(path string, compressed bool, writeBuffer int) (*websocket.Conn, *http.Response, error) {
	dialer := websocket.Dialer{
		TLSClientConfig: c.tls, EnableCompression: compressed, WriteBufferSize: writeBuffer, HandshakeTimeout: timeout,
	}
	connection, response, err := dialer.Dial(c.address+path, nil)
	if err == nil {
		connection.SetReadDeadline(time.Now().Add(timeout))
		connection.SetWriteDeadline(time.Now().Add(timeout))
	}
	return connection, response, err
}

func expectMessage(connection *websocket.Conn, kind int, payload []byte) error {
	gotKind, got, err := connection.ReadMessage()
	if err != nil {
		return err
	}
	if gotKind != kind {
		return fmt.Errorf("a message of type %d came back", gotKind)
	}
	if !bytes.Equal(got, payload) {
		return fmt.Errorf("the echo differs: %d for %d", len(got), len(payload))
	}
	return nil
}

func expectEcho(connection *websocket.Conn, kind int, payload []byte) error {
	if err := connection.WriteMessage(kind, payload); err != nil {
		return err
	}
	return expectMessage(connection, kind, payload)
}

// Nothing but a close with this code comes, and with one of the reasons if any are given.
func expectClose(connection *websocket.Conn, code int, reasons ...string) error {
	defer connection.Close()
	_, _, err := connection.ReadMessage()
	closed, isClose := err.(*websocket.CloseError)
	if !isClose {
		return fmt.Errorf("not closed: %v", err)
	}
	fits := len(reasons) == 0
	for _, reason := range reasons {
		fits = fits || closed.Text == reason
	}
	if closed.Code != code || !fits {
		return fmt.Errorf("closed with %d %s", closed.Code, closed.Text)
	}
	return nil
}

func control(connection *websocket.Conn, kind int, payload []byte) error {
	return connection.WriteControl(kind, payload, time.Now().Add(timeout))
}

func closeBy(connection *websocket.Conn, code int, reason string) error {
	if err := control(connection, websocket.CloseMessage, websocket.FormatCloseMessage(code, reason)); err != nil {
		return err
	}
	return expectClose(connection, code, "", reason)
}

type message struct {
	kind    int
	payload []byte
}

func (c *client) echoes(messages ...message) error {
	connection, _, err := c.connect("/ws/echo", false, 0)
	if err != nil {
		return err
	}
	for _, message := range messages {
		if err := expectEcho(connection, message.kind, message.payload); err != nil {
			return err
		}
	}
	return closeBy(connection, 1000, "")
}

// A frame goes out whenever the write buffer is full.
func (c *client) fragmented() error {
	connection, _, err := c.connect("/ws/echo", false, fragmentSize)
	if err != nil {
		return err
	}
	for _, message := range []message{
		{websocket.TextMessage, bytes.Repeat([]byte("many fragments 🌫️ of one message "), 50)},
		{websocket.BinaryMessage, someBytes(4*fragmentSize - 1)},
	} {
		writer, err := connection.NextWriter(message.kind)
		if err != nil {
			return err
		}
		if _, err = writer.Write(message.payload); err != nil {
			return err
		}
		if err = writer.Close(); err != nil {
			return err
		}
		if err = expectMessage(connection, message.kind, message.payload); err != nil {
			return err
		}
	}
	return closeBy(connection, 1000, "")
}

func (c *client) compressed() error {
	connection, response, err := c.connect("/ws/echo", true, 0)
	if err != nil {
		return err
	}
	if !strings.Contains(response.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate") {
		return fmt.Errorf("permessage-deflate was not agreed on")
	}
	messages := []message{}
	for number := 0; number < 4; number++ {
		alike := strings.Repeat(fmt.Sprintf("number %d of messages that are alike, ", number), 500)
		messages = append(messages, message{websocket.TextMessage, []byte(alike)})
	}
	noise := make([]byte, 70000)
	rand.New(rand.NewSource(7)).Read(noise)
	messages = append(messages,
		message{websocket.TextMessage, nil}, message{websocket.BinaryMessage, nil},
		message{websocket.TextMessage, []byte("short")}, message{websocket.BinaryMessage, noise}, message{websocket.TextMessage, letters(limitBytes)})
	for _, message := range messages {
		if err := expectEcho(connection, message.kind, message.payload); err != nil {
			return err
		}
	}
	return closeBy(connection, 1000, "")
}

// Frames are answered in order: the pong comes before the message that is sent behind the ping.
func (c *client) ping() error {
	connection, _, err := c.connect("/ws/echo", false, 0)
	if err != nil {
		return err
	}
	pong := ""
	connection.SetPongHandler(func(payload string) error { pong = payload; return nil })
	if err := control(connection, websocket.PingMessage, []byte("are you there?")); err != nil {
		return err
	}
	if err := expectEcho(connection, websocket.TextMessage, []byte("behind the ping")); err != nil {
		return err
	}
	if pong != "are you there?" {
		return fmt.Errorf("pong with %q", pong)
	}
	return closeBy(connection, 1000, "")
}

func (c *client) closes(code int, reason string) error {
	connection, _, err := c.connect("/ws/echo", false, 0)
	if err != nil {
		return err
	}
	return closeBy(connection, code, reason)
}

func (c *client) closed4001() error {
	connection, _, err := c.connect("/ws/close", false, 0)
	if err != nil {
		return err
	}
	if err := connection.WriteMessage(websocket.TextMessage, []byte("4001 "+reason)); err != nil {
		return err
	}
	return expectClose(connection, 4001, reason)
}

func (c *client) closed1009() error {
	for _, large := range []message{
		{websocket.TextMessage, letters(limitBytes + 1)}, {websocket.BinaryMessage, someBytes(limitBytes + 1)},
	} {
		// One frame: gorilla's are as large as its write buffer.
		connection, _, err := c.connect("/ws/echo", false, limitBytes+1)
		if err != nil {
			return err
		}
		_ = connection.WriteMessage(large.kind, large.payload) // the server may close meanwhile
		if err := expectClose(connection, 1009); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) closed1001() error {
	connection, _, err := c.connect("/ws/echo", false, 0)
	if err != nil {
		return err
	}
	if err := expectEcho(connection, websocket.TextMessage, []byte("before")); err != nil {
		return err
	}
	fmt.Println("stop")
	return expectClose(connection, 1001)
}

func main() {
	c := client{address: os.Args[1]}
	authority, err := os.ReadFile(os.Getenv("INTEROP_CA"))
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	c.tls = &tls.Config{RootCAs: roots}

	fmt.Printf("client gorilla %s, %s\n", version, runtime.Version())
	for _, one := range []struct {
		name string
		run  func() error
	}{
		{"text", func() error { return c.echoes(message{websocket.TextMessage, []byte(text)}) }},
		{"binary", func() error { return c.echoes(message{websocket.BinaryMessage, someBytes(70000)}) }},
		{"empty", func() error {
			return c.echoes(message{websocket.TextMessage, nil}, message{websocket.BinaryMessage, nil})
		}},
		{"fragmented", c.fragmented},
		{"1 MiB", func() error {
			return c.echoes(
				message{websocket.TextMessage, letters(limitBytes)},
				message{websocket.BinaryMessage, someBytes(limitBytes)})
		}},
		{"compressed", c.compressed},
		{"ping", c.ping},
		{"close 1000", func() error { return c.closes(1000, "done, thank you") }},
		{"close 3000", func() error { return c.closes(3000, reason) }},
		{"closed 4001", c.closed4001},
		{"closed 1009", c.closed1009},
		{"closed 1001", c.closed1001},
	} {
		if err := one.run(); err != nil {
			fmt.Printf("FAIL %s: %v\n", one.name, err)
		} else {
			fmt.Printf("pass %s\n", one.name)
		}
	}
}
