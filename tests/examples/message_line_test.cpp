// Messages as lines of JSON, there and back.
#include <string>

#include <gtest/gtest.h>

#include <brume/examples/common/message_line.h>

namespace examples {
namespace {

using brume::MessageType;

TEST(MessageLine, KeepsTheTypeAndEveryByteThereAndBack) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  for (std::size_t size = 0; size <= all.size(); ++size) {
    const auto read = read_line(to_line(MessageType::binary, brume::as_bytes(all.substr(0, size))));
    ASSERT_TRUE(read) << size << ": " << read.error();
    EXPECT_EQ(read->type, MessageType::binary);
    EXPECT_EQ(read->data, all.substr(0, size));
  }
  for (const std::string text : {"", "Grüße 👋", "a\nb\r\t\"\\", "\x01\x7f"}) {
    const std::string line = to_line(MessageType::text, brume::as_bytes(text));
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    const auto read = read_line(line);
    ASSERT_TRUE(read) << text << ": " << read.error();
    EXPECT_EQ(read->type, MessageType::text);
    EXPECT_EQ(read->data, text);
  }
}

TEST(MessageLine, IsWrittenAsPeopleWouldWriteIt) {
  EXPECT_EQ(to_line(MessageType::text, brume::as_bytes("hi \"you\"")), R"({"type":"text","data":"hi \"you\""})");
  EXPECT_EQ(to_line(MessageType::binary, brume::as_bytes(std::string("\0\1\2\3", 4))),
            R"({"type":"binary","data":"AAECAw=="})");
}

TEST(MessageLine, WithoutDataIsAnEmptyMessageAndOtherMembersAreSkipped) {
  const auto read = read_line(R"({"time":[1,{}],"type":"binary"})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->type, MessageType::binary);
  EXPECT_EQ(read->data, "");
}

TEST(MessageLine, SaysWhatIsWrongWithALine) {
  const auto error = [](std::string_view line) {
    const auto read = read_line(line);
    return read ? std::string("none") : read.error();
  };
  EXPECT_NE(error("hello"), "none");
  EXPECT_NE(error(R"(["text"])"), "none");
  EXPECT_NE(error(R"({"type":"text","data":1})").find("data"), std::string::npos);
  EXPECT_NE(error(R"({"data":"a"})").find("type"), std::string::npos);
  EXPECT_NE(error(R"({"type":"ping"})").find("type"), std::string::npos);
  for (const char* data : {"A", "AA", "AAA", "A===", "====", "AA=A", " AAAA", "AAAA    ", "AA-A", "AAAA\\n"})
    EXPECT_NE(error(R"({"type":"binary","data":")" + std::string(data) + "\"}").find("base64"), std::string::npos)
        << data;
}

}  // namespace
}  // namespace examples
