#include <gtest/gtest.h>

#include <brume/engine/http/content_type.h>

namespace brume::http {
namespace {

TEST(ContentType, FollowsTheLastEndingOfTheNameWhateverItsCase) {
  EXPECT_EQ(content_type_of("index.html"), "text/html; charset=utf-8");
  EXPECT_EQ(content_type_of("a/b.c/app.min.js"), "text/javascript; charset=utf-8");
  EXPECT_EQ(content_type_of("PHOTO.JPG"), "image/jpeg");
  EXPECT_EQ(content_type_of("x.woff2"), "font/woff2");
  EXPECT_EQ(content_type_of("x.wasm"), "application/wasm");
}

TEST(ContentType, WhatHasNoKnownEndingIsBytes) {
  for (const char* name : {"", "README", "a.", "a.unknown", "dir.html/file", "html", "a.html~"})
    EXPECT_EQ(content_type_of(name), "application/octet-stream") << name;
}

}  // namespace
}  // namespace brume::http
