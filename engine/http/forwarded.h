// forwarded.h: whose request it is where trusted proxies pass it on: X-Forwarded-For and X-Forwarded-Proto, and what a
// PROXY header said of TLS.
//
// The fields are text that anybody can send. They count only where the connection comes from an address that
// Config::trusted_proxies names, and then only as far as trusted hops wrote them. Pure functions; any thread.
#pragma once

#include <span>
#include <string_view>

#include <brume/codec/http_head.h>
#include <brume/engine/http/request.h>
#include <brume/engine/io/address_range.h>

namespace brume::http {

// The client: X-Forwarded-For is read from its end, over all its lines, while each address is a trusted one; the first
// that is not is the client's. Where all are trusted it is the first of the list. An element that is no address
// (rubbish, "unknown", "_hidden") ends the walk: then the client is the hop that wrote it, the last one known.
// The scheme: the last element of X-Forwarded-Proto, what the nearest proxy says, if it is one of http, https, ws and
// wss; proxies in front of it must have their word passed on. Where it says nothing, the scheme is `proxied`: what the
// connection's PROXY header said, if any. In this order, as a peer whose fields count although a PROXY header named it
// is a proxy in front of the one that wrote the header: the header tells how that proxy came, its field how the client
// did. `proxied` is "http", "https" or empty, and of static storage. Linear in the head's size.
Forwarded read_forwarded(const codec::RequestHead& head, const io::Address& peer,
                         std::span<const io::AddressRange> trusted, std::string_view proxied = {});

}  // namespace brume::http
