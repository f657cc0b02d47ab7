// gorilla/websocket as a server (README.md says what such a program does). usage: gorilla_server
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

const (
	maxMessage = 16 << 20
	// gorilla begins a new fragment where its buffer is full.
	fragmentSize = 16
	wholeSize    = 4096
)

var version = "of unknown version" // set by the linker

func upgrader(writeBuffer int) *websocket.Upgrader {
	return &websocket.Upgrader{
		WriteBufferSize:   writeBuffer,
		EnableCompression: true,
		CheckOrigin:       func(*http.Request) bool { return true },
	}
}

func closeAsTold(connection *websocket.Conn, message string) error {
	code, reason, _ := strings.Cut(message, " ")
	number, err := strconv.Atoi(code)
	if err != nil {
		return err
	}
	payload := websocket.FormatCloseMessage(number, reason)
	return connection.WriteControl(websocket.CloseMessage, payload, time.Now().Add(10*time.Second))
}

// In small writes: a write of more than two buffers would go out as one fragment.
func writeInFragments(connection *websocket.Conn, kind int, message []byte) error {
	writer, err := connection.NextWriter(kind)
	for err == nil && len(message) > 0 {
		size := min(len(message), fragmentSize)
		_, err = writer.Write(message[:size])
		message = message[size:]
	}
	if err != nil {
		return err
	}
	return writer.Close()
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}

func serve(connection *websocket.Conn, path string) error {
	for {
		kind, message, err := connection.ReadMessage()
		if err != nil {
			return err
		}
		switch path {
		case "/close":
			err = closeAsTold(connection, string(message))
		case "/fragments":
			err = writeInFragments(connection, kind, message)
		default:
			err = connection.WriteMessage(kind, message)
		}
		if err != nil {
			return err
		}
	}
}

func handle(writer http.ResponseWriter, request *http.Request) {
	size := wholeSize
	if request.URL.Path == "/fragments" {
		size = fragmentSize
	}
	connection, err := upgrader(size).Upgrade(writer, request, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer connection.Close()
	connection.SetReadLimit(maxMessage)
	err = serve(connection, request.URL.Path)
	if closed, ok := err.(*websocket.CloseError); ok {
		fmt.Println("closed", closed.Code, closed.Text)
	} else {
		fmt.Println("closed", 1006, err)
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("server gorilla/websocket %s, %s\n", version, runtime.Version())
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	server := &http.Server{Handler: http.HandlerFunc(handle)}
	if certificate := os.Getenv("INTEROP_CERTIFICATE"); certificate != "" {
		panic(server.ServeTLS(listener, certificate, os.Getenv("INTEROP_KEY")))
	}
	panic(server.Serve(listener))
}
