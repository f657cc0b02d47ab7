#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include <brume/engine/http/http_date.h>

namespace brume::http {
namespace {

using namespace std::chrono;

constexpr sys_seconds kSample{seconds(784'111'777)};  // RFC 9110, section 5.6.7: 1994-11-06 08:49:37

TEST(HttpDate, TheSampleOfTheRfcIsReadInAllItsThreeForms) {
  EXPECT_EQ(parse_date("Sun, 06 Nov 1994 08:49:37 GMT"), kSample);
  EXPECT_EQ(parse_date("Sunday, 06-Nov-94 08:49:37 GMT"), kSample);
  EXPECT_EQ(parse_date("Sun Nov  6 08:49:37 1994"), kSample);
  EXPECT_EQ(parse_date("Wed Nov 16 08:49:37 1994"), kSample + days(10));
}

TEST(HttpDate, ItIsWrittenInTheFixedForm) {
  EXPECT_EQ(format_date(kSample), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(format_date(sys_seconds()), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(format_date(sys_seconds(seconds(-1))), "Wed, 31 Dec 1969 23:59:59 GMT");
  EXPECT_EQ(format_date(sys_days(2024y / February / 29)), "Thu, 29 Feb 2024 00:00:00 GMT");
}

TEST(HttpDate, WhatWasWrittenIsReadBack) {
  for (sys_seconds time = sys_days(1969y / December / 30); time < sys_days(2120y / January / 1);
       time += days(13) + hours(5) + seconds(1237))
    ASSERT_EQ(parse_date(format_date(time)), time) << format_date(time);
}

TEST(HttpDate, AYearOfTwoDigitsIsFrom1970To2069) {
  EXPECT_EQ(parse_date("Thursday, 01-Jan-70 00:00:00 GMT"), sys_seconds());
  EXPECT_EQ(parse_date("Tuesday, 31-Dec-69 00:00:00 GMT"), sys_days(2069y / December / 31));
}

TEST(HttpDate, WhatIsNoDateIsNone) {
  for (const char* text : {"",
                           "0",
                           "yesterday",
                           "Sun",
                           "Sun,",
                           "Sun, 06 Nov 1994 08:49:37",
                           "Sun, 06 Nov 1994 08:49:37 UTC",
                           "Sun, 06 Nov 1994 08:49:37 GMT ",
                           " Sun, 06 Nov 1994 08:49:37 GMT",
                           "Sun, 6 Nov 1994 08:49:37 GMT",
                           "Sun, 06 nov 1994 08:49:37 GMT",
                           "sun, 06 Nov 1994 08:49:37 GMT",
                           "Sun, 06 Nov 94 08:49:37 GMT",
                           "Sun, 31 Nov 1994 08:49:37 GMT",
                           "Thu, 29 Feb 2023 00:00:00 GMT",
                           "Sun, 00 Nov 1994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 24:00:00 GMT",
                           "Sun, 06 Nov 1994 08:60:37 GMT",
                           "Sun, 06 Nov 1994 08:49:61 GMT",
                           "Sun, 06 Nov 1994 8:49:37 GMT",
                           "Sun, 06 Nov -994 08:49:37 GMT",
                           "Sun, +6 Nov 1994 08:49:37 GMT",
                           "Sun, 06-Nov-94 08:49:37 GMT",
                           "Sunday, 06 Nov 1994 08:49:37 GMT",
                           "Sun Nov  6 08:49:37 94",
                           "Sun Nov 6 08:49:37 1994",
                           "Sun Nov  6 08:49:37 1994 GMT"})
    EXPECT_EQ(parse_date(text), std::nullopt) << text;
}

TEST(HttpDate, NoTruncationIsADate) {
  for (const std::string text : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"})
    for (std::size_t size = 0; size < text.size(); size++) EXPECT_FALSE(parse_date(text.substr(0, size))) << size;
}

}  // namespace
}  // namespace brume::http
