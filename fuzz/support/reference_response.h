// reference_response.h: the client's side of the opening handshake the slow way (RFC 6455, section 4.1; RFC 9112).
//
// Functions without state. Where a text has several faults and no order is promised, they name all of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <brume/codec/client_handshake.h>
#include <brume/fuzz/support/reference_accept.h>
#include <brume/fuzz/support/reference_handshake.h>
#include <brume/fuzz/support/reference_request.h>

namespace brume::fuzz {

// ---- the request

inline std::set<codec::RequestFault> request_faults_by_the_book(const codec::UpgradeRequest& request) {
  using codec::RequestFault;
  const std::set<std::string> reserved{"host",
                                       "upgrade",
                                       "connection",
                                       "content-length",
                                       "transfer-encoding",
                                       "sec-websocket-accept",
                                       "sec-websocket-key",
                                       "sec-websocket-version",
                                       "sec-websocket-protocol",
                                       "sec-websocket-extensions",
                                       "te",
                                       "expect"};
  std::set<RequestFault> faults;
  for (const auto& [name, value] : request.headers) {
    if (!is_token_by_the_book(name) || has_control_character(value) || trimmed(value) != value)
      faults.insert(RequestFault::malformed_field);
    if (reserved.contains(lower_case(name))) faults.insert(RequestFault::reserved_field);
  }
  std::set<std::string> offered;
  for (const std::string& name : request.subprotocols) {
    if (!is_token_by_the_book(name)) faults.insert(RequestFault::malformed_subprotocol);
    if (!offered.insert(name).second) faults.insert(RequestFault::repeated_subprotocol);
  }
  if (request.extensions.empty()) return faults;
  for (const std::string& element : split(request.extensions, ','))
    if (!is_extension_by_the_book(element)) faults.insert(RequestFault::malformed_extensions);
  return faults;
}

using Fields = std::vector<std::pair<std::string, std::string>>;

// The fields of the request in their order.
inline Fields request_fields_by_the_book(const codec::UpgradeRequest& request) {
  Fields fields{{"Host", std::string(request.authority)},
                {"Upgrade", "websocket"},
                {"Connection", "Upgrade"},
                {"Sec-WebSocket-Key", std::string(request.key)},
                {"Sec-WebSocket-Version", "13"}};
  std::string offered;
  for (const std::string& name : request.subprotocols) offered += (offered.empty() ? "" : ", ") + name;
  if (!offered.empty()) fields.emplace_back("Sec-WebSocket-Protocol", offered);
  if (!request.extensions.empty()) fields.emplace_back("Sec-WebSocket-Extensions", trimmed(request.extensions));
  fields.insert(fields.end(), request.headers.begin(), request.headers.end());
  return fields;
}

// ---- the response

struct ReferenceSearch {
  enum class Answer : std::uint8_t { incomplete, refused, whole };
  Answer answer = Answer::incomplete;
  std::size_t size = 0;  // of a whole head, with a leading CRLF
};

// A whole head whose folded fields are one line each: the CRLF in front of a blank is two blanks, but for the first
// one, behind the status line.
inline std::string unfold_by_the_book(std::string text) {
  bool in_fields = false;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] != '\r' || text[i + 1] != '\n') continue;
    const bool folds = i + 2 < text.size() && (text[i + 2] == ' ' || text[i + 2] == '\t');
    if (in_fields && folds) text[i] = text[i + 1] = ' ';
    in_fields = true;
  }
  return text;
}

// Where the head at the front of `text` ends.
inline ReferenceSearch find_response_by_the_book(std::string_view text, std::size_t max_head_size) {
  using Answer = ReferenceSearch::Answer;
  const std::size_t skipped = text.starts_with("\r\n") ? 2 : 0;
  const std::string_view head = text.substr(skipped, max_head_size);
  const std::size_t blank_line = head.starts_with("\r\n") ? 0 : head.find("\r\n\r\n");
  for (std::size_t i = 0; i < std::min(head.size(), blank_line); ++i) {
    const bool ends_line =
        head[i] == '\r' ? i + 1 == head.size() || head[i + 1] == '\n' : head[i] == '\n' && i > 0 && head[i - 1] == '\r';
    if (!ends_line && has_control_character(head.substr(i, 1))) return {Answer::refused};
  }
  if (blank_line == 0) return {Answer::refused};  // nothing, where the status line should be
  if (blank_line != std::string_view::npos) return {Answer::whole, skipped + blank_line + 4};
  return {head.size() < max_head_size ? Answer::incomplete : Answer::refused};
}

struct ReferenceResponse {
  std::optional<codec::ResponseError> error{};
  unsigned status = 0;
  std::string reason{};
  bool old = false;  // HTTP/1.0
  Fields fields{};
};

// The head in `text`, which ends with it.
inline ReferenceResponse read_response_by_the_book(std::string_view text, std::size_t max_fields) {
  using codec::ResponseError;
  const auto failed = [](ResponseError error) { return ReferenceResponse{.error = error}; };
  const auto status_line = cut_line(text);
  if (!status_line || has_control_character(*status_line)) return failed(ResponseError::malformed_status_line);
  // "HTTP/0.0 000" with any digits, and then nothing or a blank and anything.
  std::string shape(status_line->substr(0, 12));
  for (char& c : shape)
    if (kDigitCharacters.find(c) != std::string_view::npos) c = '0';
  const bool fits = shape == "HTTP/0.0 000" && (status_line->size() == 12 || (*status_line)[12] == ' ');
  if (!fits || (*status_line)[9] == '0') return failed(ResponseError::malformed_status_line);
  ReferenceResponse response;
  response.status = static_cast<unsigned>(std::stoul(std::string(status_line->substr(9, 3))));
  response.reason = trimmed(status_line->substr(12));
  response.old = status_line->substr(5, 3) == "1.0";
  if (!response.old && status_line->substr(5, 3) != "1.1") return failed(ResponseError::unsupported_version);
  for (;;) {
    const auto line = cut_line(text);
    if (!line) return failed(ResponseError::malformed_field);
    if (line->empty()) return response;
    const auto field = read_field_by_the_book(*line);
    if (!field) return failed(ResponseError::malformed_field);
    if (response.fields.size() == max_fields) return failed(ResponseError::too_many_fields);
    response.fields.push_back(*field);
  }
}

inline std::vector<std::string> values_of(const ReferenceResponse& response, std::string_view name) {
  std::vector<std::string> values;
  for (const auto& [key, value] : response.fields)
    if (lower_case(key) == lower_case(name)) values.push_back(value);
  return values;
}

struct ReferenceVerdict {
  std::set<codec::ResponseError> faults;  // the codec names one of them
  std::string subprotocol{};
};

inline ReferenceVerdict judge_response_by_the_book(const ReferenceResponse& response,
                                                   const codec::UpgradeRequest& request) {
  using codec::ResponseError;
  const auto fails = [](ResponseError error) { return ReferenceVerdict{{error}}; };
  if (response.status != 101) return fails(ResponseError::not_switching);
  if (response.old) return fails(ResponseError::unsupported_version);
  const auto upgrades = values_of(response, "Upgrade");
  if (upgrades.empty()) return fails(ResponseError::missing_upgrade);
  if (upgrades.size() > 1 || lower_case(upgrades[0]) != "websocket") return fails(ResponseError::wrong_upgrade);
  bool connection = false;
  for (const std::string& value : values_of(response, "Connection"))
    for (const std::string& element : list_elements(value)) connection |= lower_case(element) == "upgrade";
  if (!connection) return fails(ResponseError::connection_lacks_upgrade);
  const auto accepts = values_of(response, "Sec-WebSocket-Accept");
  if (accepts.empty()) return fails(ResponseError::missing_accept);
  if (accepts.size() > 1) return fails(ResponseError::repeated_accept);
  if (accepts[0] != accept_by_the_book(request.key)) return fails(ResponseError::wrong_accept);

  std::set<std::string> offered, agreed;
  if (!request.extensions.empty())
    for (const std::string& element : split(request.extensions, ',')) offered.insert(leading_token(element));
  ReferenceVerdict verdict;
  for (const std::string& value : values_of(response, "Sec-WebSocket-Extensions")) {
    for (const std::string& element : split(value, ',')) {
      if (!is_extension_by_the_book(element)) verdict.faults.insert(ResponseError::malformed_extensions);
      const std::string name = leading_token(element);
      if (!offered.contains(name) || !agreed.insert(name).second)
        verdict.faults.insert(ResponseError::unexpected_extension);
    }
  }
  if (!verdict.faults.empty()) return verdict;

  const auto protocols = values_of(response, "Sec-WebSocket-Protocol");
  if (protocols.empty()) return {};
  if (protocols.size() > 1) return fails(ResponseError::repeated_subprotocol);
  if (std::ranges::find(request.subprotocols, protocols[0]) == request.subprotocols.end())
    return fails(ResponseError::unexpected_subprotocol);
  return {{}, protocols[0]};
}

}  // namespace brume::fuzz
