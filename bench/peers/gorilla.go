// Peer: gorilla/websocket (Debian golang-github-gorilla-websocket-dev).
// usage: gorilla echo|fan PORT [plain|deflate] [CERTIFICATE KEY]
// fan: a message goes to everyone connected by the same path. deflate: at gorilla's usual level, nothing kept from one
// message to the next, which is all it can.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"

	"github.com/gorilla/websocket"
)

const queued = 1024 // messages a member may fall behind

var upgrader = websocket.Upgrader{
	ReadBufferSize:  4096,
	WriteBufferSize: 4096,
	CheckOrigin:     func(*http.Request) bool { return true },
}

func echo(connection *websocket.Conn) {
	for {
		kind, message, err := connection.ReadMessage()
		if err != nil || connection.WriteMessage(kind, message) != nil {
			return
		}
	}
}

type room struct {
	lock    sync.RWMutex
	members map[chan *websocket.PreparedMessage]bool
}

type rooms struct {
	lock   sync.Mutex
	byPath map[string]*room
}

func (all *rooms) get(path string) *room {
	all.lock.Lock()
	defer all.lock.Unlock()
	if all.byPath[path] == nil {
		all.byPath[path] = &room{members: map[chan *websocket.PreparedMessage]bool{}}
	}
	return all.byPath[path]
}

func (r *room) serve(connection *websocket.Conn) {
	queue := make(chan *websocket.PreparedMessage, queued)
	r.lock.Lock()
	r.members[queue] = true
	r.lock.Unlock()
	go func() {
		for message := range queue {
			if connection.WritePreparedMessage(message) != nil {
				return
			}
		}
	}()
	for {
		kind, message, err := connection.ReadMessage()
		if err != nil {
			break
		}
		prepared, _ := websocket.NewPreparedMessage(kind, message)
		r.lock.RLock()
		for member := range r.members {
			member <- prepared
		}
		r.lock.RUnlock()
	}
	r.lock.Lock()
	delete(r.members, queue)
	r.lock.Unlock()
}

func main() {
	upgrader.EnableCompression = len(os.Args) > 3 && os.Args[3] == "deflate"
	all := rooms{byPath: map[string]*room{}}
	http.HandleFunc("/", func(writer http.ResponseWriter, request *http.Request) {
		connection, err := upgrader.Upgrade(writer, request, nil)
		if err != nil {
			return
		}
		defer connection.Close()
		if os.Args[1] == "fan" {
			all.get(request.URL.Path).serve(connection)
		} else {
			echo(connection)
		}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[2])
	if err != nil {
		panic(err)
	}
	fmt.Println("listening on", listener.Addr())
	if len(os.Args) > 5 {
		panic(http.ServeTLS(listener, nil, os.Args[4], os.Args[5]))
	}
	panic(http.Serve(listener, nil))
}
