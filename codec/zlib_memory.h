// zlib_memory.h: what a zlib stream allocates, through operator new, and counted.
//
// A value inside the object that owns the stream; its thread only. zlib takes all it needs when a stream is made or
// first used and gives it back when the stream ends, so what is counted only grows until then.
#pragma once

#include <cstddef>
#include <new>

#define ZLIB_CONST
#include <zlib.h>

namespace brume::codec {

struct ZlibMemory {
  std::size_t held = 0;  // bytes

  // For the stream's fields before it is made.
  void serve(z_stream& stream) {
    stream.zalloc = allocate;
    stream.zfree = give_back;
    stream.opaque = this;
  }

 private:
  static voidpf allocate(voidpf self, uInt count, uInt size) {
    const std::size_t bytes = std::size_t{count} * size;
    void* memory = ::operator new(bytes, std::nothrow);
    if (memory) static_cast<ZlibMemory*>(self)->held += bytes;
    return memory;
  }
  static void give_back(voidpf, voidpf memory) { ::operator delete(memory); }
};

}  // namespace brume::codec
