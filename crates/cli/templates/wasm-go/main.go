package main

import (
	"encoding/json"
	"fmt"
	"net/url"
)

// A header of events alone: no client of the gateway can send it.
const event = "lambda-runtime-aws-request-id"

func init() {
	Handle(func(request Request) Response {
		if request.Headers[event] != "" {
			return onEvent(request.Headers["ce-type"], request.Body)
		}
		return onRequest(request.Path)
	})
}

// Answers GET /hello?name=…
func onRequest(path string) Response {
	name := "world"
	if parsed, err := url.Parse(path); err == nil && parsed.Query().Has("name") {
		name = parsed.Query().Get("name")
	}
	fmt.Println("hello,", name)
	greeting, _ := Config("greeting")
	return asJSON(map[string]string{"message": fmt.Sprintf("%s, %s!", greeting, name)})
}

// Answers an event, which comes as a CloudEvents request: its data is the body, all else is in headers.
func onEvent(kind string, data []byte) Response {
	fmt.Println("an event of type", kind)
	return asJSON(map[string]json.RawMessage{"got": data})
}

func asJSON(value any) Response {
	body, err := json.Marshal(value)
	if err != nil {
		return Response{Status: 400, Body: []byte(err.Error())}
	}
	return Response{Status: 200, ContentType: "application/json", Body: body}
}

// A component is called, not run.
func main() {}
