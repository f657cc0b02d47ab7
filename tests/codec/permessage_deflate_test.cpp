#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <brume/codec/permessage_deflate.h>

namespace brume::codec {
namespace {

using Lines = std::vector<std::string_view>;

// What a server with these limits answers to those lines of Sec-WebSocket-Extensions; "-" for none.
std::string answer_to(const Lines& lines, const DeflateSettings& limits = {}) {
  std::vector<HeaderField> fields{{"Host", "a"}};
  for (const std::string_view line : lines) fields.push_back({"sec-websocket-EXTENSIONS", line});
  RequestHead head{};
  head.fields = fields;
  const auto agreed = choose_deflate(head, limits);
  if (!agreed) return "-";
  std::string answer;
  append_deflate_answer(answer, *agreed);
  return answer;
}

TEST(PermessageDeflate, AnOfferWithoutParametersIsAnsweredByTheServersWishes) {
  EXPECT_EQ("permessage-deflate", answer_to({"permessage-deflate"}));
  EXPECT_EQ(
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
      answer_to({"permessage-deflate"}, {.server_no_context_takeover = true, .client_no_context_takeover = true}));
  EXPECT_EQ("permessage-deflate; server_max_window_bits=10",
            answer_to({"permessage-deflate"}, {.server_max_window_bits = 10}));
}

TEST(PermessageDeflate, EachParameterIsAnswered) {
  struct Row {
    std::string_view offer;
    DeflateSettings limits;
    std::string_view answer;
  };
  const std::array rows{
      Row{"server_no_context_takeover", {}, "server_no_context_takeover"},
      Row{"client_no_context_takeover", {}, "client_no_context_takeover"},
      Row{"server_max_window_bits=15", {}, "server_max_window_bits=15"},
      Row{"server_max_window_bits=9", {}, "server_max_window_bits=9"},
      Row{"server_max_window_bits=12", {.server_max_window_bits = 10}, "server_max_window_bits=10"},
      Row{"server_max_window_bits=10", {.server_max_window_bits = 12}, "server_max_window_bits=10"},
      Row{"client_max_window_bits", {}, ""},
      Row{"client_max_window_bits=15", {}, ""},
      Row{"client_max_window_bits=8", {}, "client_max_window_bits=8"},
      Row{"client_max_window_bits", {.client_max_window_bits = 11}, "client_max_window_bits=11"},
      Row{"client_max_window_bits=10", {.client_max_window_bits = 11}, "client_max_window_bits=10"},
      Row{"client_max_window_bits=12", {.client_max_window_bits = 11}, "client_max_window_bits=11"},
      Row{"server_max_window_bits=\"10\"", {}, "server_max_window_bits=10"},
      Row{"server_max_window_bits = \"\\1\\0\" ", {}, "server_max_window_bits=10"},
      Row{"client_max_window_bits;server_max_window_bits=\t11 ; client_no_context_takeover",
          {.client_max_window_bits = 9},
          "client_no_context_takeover; server_max_window_bits=11; client_max_window_bits=9"},
  };
  for (const Row& row : rows) {
    std::string expected = "permessage-deflate";
    if (!row.answer.empty()) expected.append("; ").append(row.answer);
    const std::string offer = "permessage-deflate; " + std::string(row.offer);
    EXPECT_EQ(expected, answer_to({offer}, row.limits)) << offer;
  }
}

TEST(PermessageDeflate, D1_AnOfferWithAWrongParameterIsDeclinedAndTheNextOneIsTried) {
  for (const std::string_view wrong : {
           "unknown",
           "unknown=1",
           "constructor",
           "Server_no_context_takeover",
           "server_no_context_takeover; server_no_context_takeover",
           "client_no_context_takeover; client_no_context_takeover",
           "server_max_window_bits=10; server_max_window_bits=10",
           "client_max_window_bits; client_max_window_bits",
           "client_max_window_bits; client_max_window_bits=10",
           "server_no_context_takeover=1",
           "server_no_context_takeover=true",
           "client_no_context_takeover=\"1\"",
           "server_max_window_bits",
           "server_max_window_bits=7",
           "server_max_window_bits=16",
           "server_max_window_bits=08",
           "server_max_window_bits=010",
           "server_max_window_bits=1",
           "server_max_window_bits=20",
           "server_max_window_bits=+9",
           "server_max_window_bits=0x9",
           "server_max_window_bits=1e1",
           "server_max_window_bits=115",
           "server_max_window_bits=99999999999999999999",
           "server_max_window_bits=\"\"",
           "server_max_window_bits=\"010\"",
           "client_max_window_bits=7",
           "client_max_window_bits=16",
           "client_max_window_bits=08",
           "client_max_window_bits=\"16\"",
           "client_max_window_bits=\"\"",
           "client_max_window_bits=a",
       }) {
    const std::string offer = "permessage-deflate; " + std::string(wrong);
    EXPECT_EQ("-", answer_to({offer})) << offer;
    EXPECT_EQ("permessage-deflate", answer_to({offer + ", permessage-deflate"})) << offer;
    EXPECT_EQ("permessage-deflate", answer_to({offer, "permessage-deflate"})) << offer;
  }
}

TEST(PermessageDeflate, D2_AWindowThatZlibCannotKeepToIsDeclined) {
  EXPECT_EQ("-", answer_to({"permessage-deflate; server_max_window_bits=8"}));
  EXPECT_EQ("permessage-deflate; server_max_window_bits=9",
            answer_to({"permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=9"}));
}

TEST(PermessageDeflate, D2_TheAnswerNeverLimitsAWindowThatTheClientDidNotOfferToLimit) {
  EXPECT_EQ("permessage-deflate; client_no_context_takeover",
            answer_to({"permessage-deflate"}, {.client_max_window_bits = 10}));
  EXPECT_EQ("permessage-deflate; client_max_window_bits=10",
            answer_to({"permessage-deflate; client_max_window_bits"}, {.client_max_window_bits = 10}));
}

TEST(PermessageDeflate, OtherExtensionsAreLeftOut) {
  EXPECT_EQ("-", answer_to({}));
  EXPECT_EQ("-", answer_to({"x-webkit-deflate-frame", "permessage-deflate-not", "xpermessage-deflate"}));
  EXPECT_EQ("-", answer_to({"foo; a=\"b,permessage-deflate\""}));
  EXPECT_EQ("permessage-deflate", answer_to({"foo; a=\"x\", bar", "baz , permessage-deflate , foo"}));
}

TEST(PermessageDeflate, TheFirstAcceptableOfferIsTaken) {
  EXPECT_EQ("permessage-deflate; server_max_window_bits=10",
            answer_to({"permessage-deflate; x, permessage-deflate; server_max_window_bits=10",
                       "permessage-deflate; server_max_window_bits=12"}));
}

// ---- the client's side

std::string offer_of(const DeflateOffer& offer) {
  std::string text;
  append_deflate_offer(text, offer);
  return text;
}

TEST(PermessageDeflate, OffersSayWhatIsAskedForAndCanBeAccepted) {
  EXPECT_EQ("permessage-deflate; client_max_window_bits", offer_of({}));
  EXPECT_EQ("permessage-deflate", offer_of({.settings = {}, .window_may_be_limited = false}));
  const DeflateOffer all{.settings = {true, true, 10, 11}};
  EXPECT_EQ(
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; "
      "client_max_window_bits=11",
      offer_of(all));
  EXPECT_EQ(offer_of(all), answer_to({offer_of(all)}));
}

std::expected<std::optional<DeflateSettings>, DeflateAnswerError> judge(const Lines& lines, const DeflateOffer* offer) {
  std::vector<HeaderField> fields;
  for (const std::string_view line : lines) fields.push_back({"Sec-Websocket-Extensions", line});
  return judge_deflate_answer(fields, offer);
}

TEST(PermessageDeflate, AnAnswerMayNarrowWhatWasOffered) {
  struct Row {
    std::string_view answer;
    DeflateOffer offer;
    DeflateSettings agreed;
  };
  const std::array rows{
      Row{"permessage-deflate", {}, {}},
      Row{"permessage-deflate", {.settings = {.client_no_context_takeover = true}}, {false, true, 15, 15}},
      Row{"permessage-deflate", {.settings = {.client_max_window_bits = 10}}, {false, false, 15, 10}},
      Row{"permessage-deflate; server_no_context_takeover; client_no_context_takeover", {}, {true, true, 15, 15}},
      Row{"permessage-deflate; server_max_window_bits=8", {}, {false, false, 8, 15}},
      Row{"permessage-deflate; client_max_window_bits=8", {}, {false, false, 15, 8}},
      Row{"permessage-deflate; server_max_window_bits=10",
          {.settings = {.server_max_window_bits = 10}},
          {false, false, 10, 15}},
      Row{"permessage-deflate; client_max_window_bits=\"12\"",
          {.settings = {.client_max_window_bits = 12}},
          {false, false, 15, 12}},
      // The offer's value is a hint that a server may pass over; the client keeps to it all the same (section 7.2.1).
      Row{"permessage-deflate; client_max_window_bits=12",
          {.settings = {.client_max_window_bits = 11}},
          {false, false, 15, 11}},
  };
  for (const Row& row : rows) {
    const auto judged = judge({row.answer}, &row.offer);
    ASSERT_TRUE(judged && *judged) << row.answer;
    EXPECT_EQ(row.agreed, **judged) << row.answer;
  }
  const DeflateOffer offer;
  EXPECT_EQ(std::nullopt, judge({}, &offer).value());
  EXPECT_EQ(std::nullopt, judge({}, nullptr).value());
}

TEST(PermessageDeflate, AnAnswerThatAddsToWhatWasOfferedFails) {
  using enum DeflateAnswerError;
  struct Row {
    std::string_view answer;
    DeflateAnswerError error;
    DeflateOffer offer{};
  };
  const DeflateOffer no_limit{.settings = {}, .window_may_be_limited = false};
  const std::array rows{
      Row{"", malformed},
      Row{"permessage-deflate;", malformed},
      Row{"permessage-deflate; server_max_window_bits=", malformed},
      Row{"permessage-deflate; server_max_window_bits=\"\"", malformed},
      Row{"permessage-deflate x", malformed},
      Row{"permessage-deflate,", malformed},
      Row{"foo", extension_not_offered},
      Row{"permessage-deflate, foo", extension_not_offered},
      Row{"permessage-deflate, permessage-deflate", extension_repeated},
      Row{"permessage-deflate; foo", parameter_unknown},
      Row{"permessage-deflate; server_no_context_takeover; server_no_context_takeover", parameter_repeated},
      Row{"permessage-deflate; client_max_window_bits=9; client_max_window_bits=9", parameter_repeated},
      Row{"permessage-deflate; server_no_context_takeover=1", value_out_of_range},
      Row{"permessage-deflate; server_max_window_bits", value_out_of_range},
      Row{"permessage-deflate; server_max_window_bits=7", value_out_of_range},
      Row{"permessage-deflate; server_max_window_bits=16", value_out_of_range},
      Row{"permessage-deflate; client_max_window_bits", value_out_of_range},
      Row{"permessage-deflate; client_max_window_bits=08", value_out_of_range},
      Row{"permessage-deflate; client_max_window_bits=10", window_not_offered, no_limit},
      Row{"permessage-deflate; server_max_window_bits=12",
          server_window_grown,
          {.settings = {.server_max_window_bits = 11}}},
      Row{"permessage-deflate", server_window_grown, {.settings = {.server_max_window_bits = 11}}},
      Row{"permessage-deflate", server_keeps_context, {.settings = {.server_no_context_takeover = true}}},
  };
  for (const Row& row : rows) {
    const auto judged = judge({row.answer}, &row.offer);
    ASSERT_FALSE(judged) << row.answer;
    EXPECT_EQ(to_string(row.error), to_string(judged.error())) << row.answer;
  }
  const auto unasked = judge({"permessage-deflate"}, nullptr);
  ASSERT_FALSE(unasked);
  EXPECT_EQ(extension_not_offered, unasked.error());
}

}  // namespace
}  // namespace brume::codec
