// reference_deflate_offer.h: offers and answers of permessage-deflate read the slow way (RFC 7692, sections 5 and 7.1).
//
// Functions without state. Of an answer with several faults they name all of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <brume/codec/permessage_deflate.h>
#include <brume/fuzz/support/reference_handshake.h>

namespace brume::fuzz {

struct ReferenceParameters {
  std::set<codec::DeflateAnswerError> faults;
  // By name, without quotes; nullopt where a parameter stands alone.
  std::map<std::string, std::optional<std::string>> values{};

  bool has(const std::string& name) const { return values.contains(name); }
  // The window that is named, or the largest.
  unsigned window(const std::string& name) const {
    const auto found = values.find(name);
    return found == values.end() || !found->second ? 15 : static_cast<unsigned>(std::stoul(*found->second));
  }
};

inline std::string without_quotes(const std::string& text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return text;
  std::string result;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '\\' && i + 2 < text.size()) ++i;
    result += text[i];
  }
  return result;
}

// `element`: one of the list, whose name is permessage-deflate.
inline ReferenceParameters read_parameters_by_the_book(const std::string& element) {
  using enum codec::DeflateAnswerError;
  const std::set<std::string> windows{"8", "9", "10", "11", "12", "13", "14", "15"};
  ReferenceParameters result;
  if (!is_extension_by_the_book(element)) result.faults.insert(malformed);
  const auto parts = split(element, ';');
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string name = leading_token(parts[i]);
    const std::string behind = trimmed(std::string_view(parts[i]).substr(name.size()));
    std::optional<std::string> value;
    if (behind.starts_with('=')) value = without_quotes(trimmed(std::string_view(behind).substr(1)));
    const bool flag = name == "server_no_context_takeover" || name == "client_no_context_takeover";
    const bool server_window = name == "server_max_window_bits";
    if (!flag && !server_window && name != "client_max_window_bits") {
      result.faults.insert(parameter_unknown);
      continue;
    }
    if (flag && value) result.faults.insert(value_out_of_range);
    if (!flag && value && !windows.contains(*value)) result.faults.insert(value_out_of_range);
    if (server_window && !value) result.faults.insert(value_out_of_range);
    if (!result.values.emplace(name, value).second) result.faults.insert(parameter_repeated);
  }
  return result;
}

// What a server agrees to of an offer without faults; nullopt where it cannot.
inline std::optional<codec::DeflateAgreement> accept_by_the_book(const ReferenceParameters& offer,
                                                                 const codec::DeflateSettings& limits) {
  const unsigned server_window =
      std::min<unsigned>(limits.server_max_window_bits, offer.window("server_max_window_bits"));
  if (server_window == 8) return std::nullopt;
  codec::DeflateAgreement agreed;
  agreed.settings.server_max_window_bits = static_cast<std::uint8_t>(server_window);
  agreed.settings.server_no_context_takeover =
      offer.has("server_no_context_takeover") || limits.server_no_context_takeover;
  agreed.settings.client_no_context_takeover =
      offer.has("client_no_context_takeover") || limits.client_no_context_takeover;
  if (offer.has("client_max_window_bits")) {
    const unsigned window = std::min<unsigned>(limits.client_max_window_bits, offer.window("client_max_window_bits"));
    agreed.settings.client_max_window_bits = static_cast<std::uint8_t>(window);
    agreed.names_client_window = window != 15;
  } else if (limits.client_max_window_bits != 15) {
    agreed.settings.client_no_context_takeover = true;  // instead of the window, which it cannot be told
  }
  agreed.names_server_window = offer.has("server_max_window_bits") || server_window != 15;
  return agreed;
}

// The first offer that can be accepted. Requires: each value is a list of extensions.
inline std::optional<codec::DeflateAgreement> choose_by_the_book(const std::vector<std::string>& values,
                                                                 const codec::DeflateSettings& limits) {
  for (const std::string& value : values) {
    for (const std::string& element : list_elements(value)) {
      if (leading_token(element) != "permessage-deflate") continue;
      const auto offer = read_parameters_by_the_book(element);
      if (!offer.faults.empty()) continue;
      if (const auto agreed = accept_by_the_book(offer, limits)) return agreed;
    }
  }
  return std::nullopt;
}

struct ReferenceAnswer {
  std::set<codec::DeflateAnswerError> faults;  // the codec names one of them
  std::optional<codec::DeflateSettings> agreed{};
};

// `answer` without faults of its own, held against what was offered.
inline void judge_by_the_book(const ReferenceParameters& answer, const codec::DeflateOffer& offer,
                              ReferenceAnswer& result) {
  using enum codec::DeflateAnswerError;
  codec::DeflateSettings settings = offer.settings;
  const std::string client = "client_max_window_bits";
  if (answer.has(client)) {
    if (!offer.window_may_be_limited) result.faults.insert(window_not_offered);
    if (!answer.values.at(client)) result.faults.insert(value_out_of_range);
    const unsigned window = std::min<unsigned>(settings.client_max_window_bits, answer.window(client));
    settings.client_max_window_bits = static_cast<std::uint8_t>(window);
  }
  const unsigned server_window = answer.window("server_max_window_bits");
  if (server_window > settings.server_max_window_bits) result.faults.insert(server_window_grown);
  settings.server_max_window_bits = static_cast<std::uint8_t>(server_window);
  const bool no_context = answer.has("server_no_context_takeover");
  if (settings.server_no_context_takeover && !no_context) result.faults.insert(server_keeps_context);
  settings.server_no_context_takeover = no_context;
  if (answer.has("client_no_context_takeover")) settings.client_no_context_takeover = true;
  result.agreed = settings;
}

inline ReferenceAnswer judge_answer_by_the_book(const std::vector<std::string>& values,
                                                const codec::DeflateOffer* offer) {
  using enum codec::DeflateAnswerError;
  ReferenceAnswer result;
  for (const std::string& value : values) {
    for (const std::string& element : list_elements(value)) {
      if (!is_extension_by_the_book(element)) result.faults.insert(malformed);
      if (!offer || leading_token(element) != "permessage-deflate") {
        result.faults.insert(extension_not_offered);
        continue;
      }
      if (result.agreed) result.faults.insert(extension_repeated);
      const auto answer = read_parameters_by_the_book(element);
      result.faults.insert(answer.faults.begin(), answer.faults.end());
      if (answer.faults.empty()) judge_by_the_book(answer, *offer, result);
    }
  }
  if (!result.faults.empty()) result.agreed.reset();
  return result;
}

}  // namespace brume::fuzz
