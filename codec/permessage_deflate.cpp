#include <algorithm>
#include <array>
#include <utility>

#include <brume/codec/handshake_grammar.h>
#include <brume/codec/http_list.h>
#include <brume/codec/permessage_deflate.h>

namespace brume::codec {
namespace {

constexpr std::string_view kExtensionsField = "Sec-WebSocket-Extensions";
constexpr std::string_view kName = "permessage-deflate";
constexpr std::string_view kServerNoContext = "server_no_context_takeover";
constexpr std::string_view kClientNoContext = "client_no_context_takeover";
constexpr std::string_view kServerWindow = "server_max_window_bits";
constexpr std::string_view kClientWindow = "client_max_window_bits";

// One element of the list, as it stands there.
struct Parameters {
  bool server_no_context = false;
  bool client_no_context = false;
  bool server_window_named = false;
  bool client_window_named = false;
  std::optional<std::uint8_t> server_window;
  std::optional<std::uint8_t> client_window;
};

struct Parameter {
  std::string_view name;
  std::optional<std::string_view> value;  // as it stands there, maybe quoted
};

// 8 to 15 in decimal without leading zeros (section 7.1.2), also as a quoted string (RFC 6455, section 9.1).
std::optional<std::uint8_t> window_bits(std::string_view value) {
  std::array<char, 2> digits;
  std::size_t count = 0;
  const bool quoted = value.starts_with('"');
  for (std::size_t i = quoted ? 1 : 0; i < value.size() - (quoted ? 1 : 0); ++i) {
    if (quoted && value[i] == '\\') ++i;
    if (count == digits.size()) return std::nullopt;
    digits[count++] = value[i];
  }
  if (count == 1 && (digits[0] == '8' || digits[0] == '9')) return static_cast<std::uint8_t>(digits[0] - '0');
  if (count != 2 || digits[0] != '1' || digits[1] < '0' || digits[1] > '5') return std::nullopt;
  return static_cast<std::uint8_t>(10 + (digits[1] - '0'));
}

std::optional<DeflateAnswerError> take(const Parameter& parameter, Parameters& into) {
  using enum DeflateAnswerError;
  const auto set = [](bool& flag) { return std::exchange(flag, true); };
  if (parameter.name == kServerNoContext || parameter.name == kClientNoContext) {
    if (parameter.value) return value_out_of_range;
    const bool seen = set(parameter.name == kServerNoContext ? into.server_no_context : into.client_no_context);
    return seen ? std::optional(parameter_repeated) : std::nullopt;
  }
  const bool of_server = parameter.name == kServerWindow;
  if (!of_server && parameter.name != kClientWindow) return parameter_unknown;
  if (set(of_server ? into.server_window_named : into.client_window_named)) return parameter_repeated;
  auto& window = of_server ? into.server_window : into.client_window;
  if (parameter.value) window = window_bits(*parameter.value);
  // Only an offer's client_max_window_bits may come without a value; an answer's is judged by who reads the answer.
  if (!window && (parameter.value || of_server)) return value_out_of_range;
  return std::nullopt;
}

// Reads `element`, which begins with the extension's name.
std::expected<Parameters, DeflateAnswerError> read_parameters(std::string_view element) {
  Parameters parameters;
  TextCursor cursor(element.substr(kName.size()));
  const auto text_from = [&](std::size_t start) {
    return element.substr(kName.size() + start, cursor.position() - start);
  };
  for (skip_blanks(cursor); skip_character(cursor, ';'); skip_blanks(cursor)) {
    skip_blanks(cursor);
    Parameter parameter;
    const std::size_t name_start = cursor.position();
    if (!skip_token(cursor)) return std::unexpected(DeflateAnswerError::malformed);
    parameter.name = text_from(name_start);
    skip_blanks(cursor);
    if (skip_character(cursor, '=')) {
      skip_blanks(cursor);
      const std::size_t value_start = cursor.position();
      if (!skip_token(cursor) && !skip_quoted_token(cursor)) return std::unexpected(DeflateAnswerError::malformed);
      parameter.value = text_from(value_start);
    }
    if (const auto error = take(parameter, parameters)) return std::unexpected(*error);
  }
  if (!cursor.at_end()) return std::unexpected(DeflateAnswerError::malformed);
  return parameters;
}

// The extension's name alone: the token at the front.
std::string_view name_of(std::string_view element) {
  TextCursor cursor(element);
  (void)skip_token(cursor);
  return element.substr(0, cursor.position());
}

std::optional<DeflateAgreement> accept(const Parameters& offer, const DeflateSettings& limits) {
  DeflateAgreement agreed;
  DeflateSettings& settings = agreed.settings;
  settings.server_no_context_takeover = limits.server_no_context_takeover || offer.server_no_context;
  settings.client_no_context_takeover = limits.client_no_context_takeover || offer.client_no_context;
  settings.server_max_window_bits = std::min(limits.server_max_window_bits, offer.server_window.value_or(15));
  if (settings.server_max_window_bits < kMinOwnWindowBits) return std::nullopt;
  agreed.names_server_window = offer.server_window_named || settings.server_max_window_bits < kMaxWindowBits;
  if (offer.client_window_named) {
    settings.client_max_window_bits = std::min(limits.client_max_window_bits, offer.client_window.value_or(15));
    agreed.names_client_window = settings.client_max_window_bits < kMaxWindowBits;
  } else if (limits.client_max_window_bits < kMaxWindowBits) {
    settings.client_no_context_takeover = true;
  }
  return agreed;
}

void append_window(std::string& out, std::string_view name, std::uint8_t bits) {
  out.append("; ").append(name).append("=").append(std::to_string(bits));
}

void append_flags(std::string& out, const DeflateSettings& settings) {
  if (settings.server_no_context_takeover) out.append("; ").append(kServerNoContext);
  if (settings.client_no_context_takeover) out.append("; ").append(kClientNoContext);
}

// Section 7.1: an answer grants what the offer demands of the server; the offer's hints of the client it may pass over.
std::expected<DeflateSettings, DeflateAnswerError> judge(const Parameters& answer, const DeflateOffer& offer) {
  using enum DeflateAnswerError;
  const DeflateSettings& asked = offer.settings;
  if (answer.client_window_named) {
    if (!offer.window_may_be_limited) return std::unexpected(window_not_offered);
    if (!answer.client_window) return std::unexpected(value_out_of_range);
  }
  const std::uint8_t server_window = answer.server_window.value_or(15);
  if (server_window > asked.server_max_window_bits) return std::unexpected(server_window_grown);
  if (asked.server_no_context_takeover && !answer.server_no_context) return std::unexpected(server_keeps_context);
  return DeflateSettings{
      .server_no_context_takeover = answer.server_no_context,
      .client_no_context_takeover = answer.client_no_context || asked.client_no_context_takeover,
      .server_max_window_bits = server_window,
      .client_max_window_bits = std::min(asked.client_max_window_bits, answer.client_window.value_or(15))};
}

}  // namespace

std::optional<DeflateAgreement> choose_deflate(const RequestHead& head, const DeflateSettings& limits) {
  std::optional<DeflateAgreement> agreed;
  (void)any_element(head, kExtensionsField, [&](std::string_view element) {
    if (name_of(element) != kName) return false;
    if (const auto offer = read_parameters(element)) agreed = accept(*offer, limits);
    return agreed.has_value();
  });
  return agreed;
}

void append_deflate_answer(std::string& out, const DeflateAgreement& agreement) {
  const DeflateSettings& settings = agreement.settings;
  out.append(kName);
  append_flags(out, settings);
  if (agreement.names_server_window) append_window(out, kServerWindow, settings.server_max_window_bits);
  if (agreement.names_client_window) append_window(out, kClientWindow, settings.client_max_window_bits);
}

void append_deflate_offer(std::string& out, const DeflateOffer& offer) {
  const DeflateSettings& settings = offer.settings;
  out.append(kName);
  append_flags(out, settings);
  if (settings.server_max_window_bits < kMaxWindowBits) {
    append_window(out, kServerWindow, settings.server_max_window_bits);
  }
  if (!offer.window_may_be_limited) return;
  if (settings.client_max_window_bits < kMaxWindowBits) {
    append_window(out, kClientWindow, settings.client_max_window_bits);
  } else {
    out.append("; ").append(kClientWindow);
  }
}

std::expected<std::optional<DeflateSettings>, DeflateAnswerError> judge_deflate_answer(
    std::span<const HeaderField> fields, const DeflateOffer* offer) {
  using enum DeflateAnswerError;
  std::optional<DeflateSettings> agreed;
  for (const HeaderField& field : fields) {
    if (!equals_ignore_case(field.name, kExtensionsField)) continue;
    ListReader reader(field.value);
    while (const auto element = reader.next()) {
      const std::string_view name = name_of(*element);
      if (name.empty()) return std::unexpected(malformed);
      if (!offer || name != kName) return std::unexpected(extension_not_offered);
      if (agreed) return std::unexpected(extension_repeated);
      const auto parameters = read_parameters(*element);
      if (!parameters) return std::unexpected(parameters.error());
      const auto settings = judge(*parameters, *offer);
      if (!settings) return std::unexpected(settings.error());
      agreed = *settings;
    }
  }
  return agreed;
}

std::string_view to_string(DeflateAnswerError error) {
  switch (error) {
    case DeflateAnswerError::malformed:
      return "malformed";
    case DeflateAnswerError::extension_not_offered:
      return "extension_not_offered";
    case DeflateAnswerError::extension_repeated:
      return "extension_repeated";
    case DeflateAnswerError::parameter_unknown:
      return "parameter_unknown";
    case DeflateAnswerError::parameter_repeated:
      return "parameter_repeated";
    case DeflateAnswerError::value_out_of_range:
      return "value_out_of_range";
    case DeflateAnswerError::window_not_offered:
      return "window_not_offered";
    case DeflateAnswerError::server_window_grown:
      return "server_window_grown";
    case DeflateAnswerError::server_keeps_context:
      return "server_keeps_context";
  }
  return "unknown";
}

}  // namespace brume::codec
