// corpus_replay.h: every seed of a fuzz harness, and its beginnings, through the harness once more.
//
// For the main thread of a test that is linked with the harness; a failure ends the process, as it does in fuzzing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace brume::test {

// The root of the tree: BRUME_SOURCE, or the directory at or above the current one that holds fuzz/corpus.
inline std::filesystem::path source_root() {
  if (const char* given = std::getenv("BRUME_SOURCE")) return given;
  std::filesystem::path root = std::filesystem::current_path();
  while (!exists(root / "fuzz/corpus") && root.has_relative_path()) root = root.parent_path();
  return root;
}

// Gives the first `size` bytes of `input` to the harness, in memory that ends where they end.
inline void replay(const std::vector<char>& input, std::size_t size) {
  const auto memory = std::make_unique_for_overwrite<std::uint8_t[]>(size);
  std::copy_n(input.begin(), size, memory.get());
  LLVMFuzzerTestOneInput(memory.get(), size);
}

// Replays fuzz/corpus/`name`; fails where there is nothing to replay.
inline void replay_corpus(const std::string& name) {
  const std::filesystem::path corpus = source_root() / "fuzz/corpus" / name;
  ASSERT_TRUE(is_directory(corpus)) << corpus;
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
    SCOPED_TRACE(entry.path().string());
    std::ifstream file(entry.path(), std::ios::binary);
    ASSERT_TRUE(file.is_open());
    const std::vector<char> input{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    // All beginnings of up to kAllBelow bytes, of longer inputs every kStep-th, and the whole.
    constexpr std::size_t kAllBelow = 1024;
    constexpr std::size_t kStep = 61;
    for (std::size_t size = 0; size < input.size(); size += size < kAllBelow ? 1 : kStep) replay(input, size);
    replay(input, input.size());
    ++count;
  }
  EXPECT_GT(count, 0u) << corpus << " is empty";
  std::printf("%zu inputs of %s replayed, with their beginnings\n", count, name.c_str());
}

}  // namespace brume::test
