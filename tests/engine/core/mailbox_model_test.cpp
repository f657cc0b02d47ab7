// The ring and its sleep handshake, by exhaustive search (model/mailbox_model.h): no interleaving of two producers, a
// consumer and their store buffers loses a wake-up or a value, and each part of the protocol is needed.
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <brume/tests/engine/core/model/explore.h>
#include <brume/tests/engine/core/model/mailbox_model.h>

namespace brume::core::model {
namespace {

// Counts on the way which of the model's corners were reached.
class Watched : public MailboxModel {
 public:
  using MailboxModel::MailboxModel;
  const char* fault(const State& state) const {
    full_seen = full_seen || state.full_seen != 0;
    return MailboxModel::fault(state);
  }
  mutable bool full_seen = false;
};

Exploration search(const char* name, const Watched& model) {
  const Exploration result = explore(model);
  std::printf("note: mailbox model, %s: %zu states, %zu of them ends; %s\n", name, result.states, result.ends,
              result.fault ? result.fault : "no fault");
  return result;
}

struct ProtocolCase {
  const char* name;
  std::vector<std::uint8_t> batches;
  std::uint8_t extra_wakes;
};

class MailboxProtocol : public testing::TestWithParam<ProtocolCase> {};

TEST_P(MailboxProtocol, B3_NeverLosesAWakeUpOrAValue) {
  const Watched model(Mutant::none, GetParam().batches, GetParam().extra_wakes);
  const Exploration result = search(GetParam().name, model);
  EXPECT_EQ(result.fault, nullptr) << result.story();
  EXPECT_GT(result.ends, 0U);
  EXPECT_TRUE(model.full_seen) << "the ring was never full: the search is too small";
}

INSTANTIATE_TEST_SUITE_P(Each, MailboxProtocol,
                         testing::Values(ProtocolCase{"three_pushes_each", {1, 1, 1}, 0},
                                         ProtocolCase{"a_timer_among_two_pushes_each", {1, 1}, 1},
                                         ProtocolCase{"a_timer_among_a_batch_and_a_push_each", {2, 1}, 1}),
                         [](const auto& instance) { return std::string(instance.param.name); });

struct MutantCase {
  Mutant mutant;
  const char* name;
};

class MailboxMutant : public testing::TestWithParam<MutantCase> {};

TEST_P(MailboxMutant, LosesAWakeUp) {
  const Exploration result = search(GetParam().name, Watched(GetParam().mutant, {1, 1}, 0));
  ASSERT_NE(result.fault, nullptr) << "the search does not find what is missing";
  EXPECT_EQ(std::string_view(result.fault).substr(0, 12), "lost wake-up") << result.story();
  std::printf("%s\n", result.story().c_str());
}

INSTANTIATE_TEST_SUITE_P(Each, MailboxMutant,
                         testing::Values(MutantCase{Mutant::weak_producer, "weak_producer"},
                                         MutantCase{Mutant::weak_consumer, "weak_consumer"},
                                         MutantCase{Mutant::no_second_look, "no_second_look"},
                                         MutantCase{Mutant::no_token, "no_token"}),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace brume::core::model
