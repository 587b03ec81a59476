// Go's gorilla, as server and as client. What a peer does is written in peer.py.
package main

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
)

var keepalive time.Duration

// The library's, given when this is built.
var version string

func say(facts map[string]any) { json.NewEncoder(os.Stdout).Encode(facts) }

func play(socket *websocket.Conn) {
	say(map[string]any{"event": "open"})
	if keepalive > 0 {
		go ping(socket)
	}
	for {
		kind, data, err := socket.ReadMessage()
		if err != nil {
			closed(err)
			return
		}
		if string(data) == "close now" {
			bye := websocket.FormatCloseMessage(1000, "bye")
			socket.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Minute))
			continue
		}
		socket.WriteMessage(kind, data)
	}
}

// It has no keepalive of its own; its examples have this one.
func ping(socket *websocket.Conn) {
	for range time.Tick(keepalive) {
		if socket.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Minute)) != nil {
			return
		}
	}
}

func closed(err error) {
	code, reason := 1006, err.Error()
	var closing *websocket.CloseError
	if errors.As(err, &closing) {
		code, reason = closing.Code, closing.Text
	}
	say(map[string]any{"event": "closed", "code": code, "reason": reason})
	os.Exit(0)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	role := os.Args[1]
	if role == "version" {
		say(map[string]any{"event": "version", "version": "gorilla " + version + ", " + runtime.Version()})
		return
	}
	seconds, err := strconv.ParseFloat(os.Args[2], 64)
	must(err)
	keepalive = time.Duration(seconds * float64(time.Second))
	if role == "connect" {
		socket, _, err := websocket.DefaultDialer.Dial(os.Args[3], nil)
		must(err)
		play(socket)
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	say(map[string]any{"event": "listening", "port": listener.Addr().(*net.TCPAddr).Port})
	upgrader := websocket.Upgrader{}
	must(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		socket, err := upgrader.Upgrade(w, r, nil)
		must(err)
		play(socket)
	})))
}
