#include <gtest/gtest.h>

#include "base/json.h"
#include "diffusion/prompt/attention_grammar.h"
#include "diffusion/prompt/prompt_parts.h"
#include "diffusion/prompt/schedule_grammar.h"

namespace tempera::diffusion {
namespace {

Json cases(const std::string& name) {
  return read_json_file(TEMPERA_SOURCE_DIR "/test/data/prompts/" + name).value()["cases"];
}

TEST(Attention, EqualsTheReference) {
  const Json rows = cases("attention.json");
  ASSERT_EQ(rows.size(), 67u);
  for (const Json& row : rows) {
    const auto text = row["text"].get<std::string>();
    const std::vector<WeightedText> runs = parse_attention(text);
    ASSERT_EQ(runs.size(), row["runs"].size()) << text;
    for (size_t i = 0; i < runs.size(); ++i) {
      const Json& want = row["runs"][i];
      EXPECT_EQ(runs[i].text, want[0].get<std::string>()) << text;
      EXPECT_EQ(runs[i].is_break, want[1].get<double>() == -1.0 && want[0] == "BREAK") << text;
      if (runs[i].is_break) continue;
      EXPECT_NEAR(runs[i].weight, want[1].get<double>(), 1e-12) << text;
    }
  }
}

TEST(Attention, BreaksInsideBracketsAndBesideLettersOfOtherScripts) {
  const std::vector<WeightedText> runs = parse_attention("(a BREAK b)");
  ASSERT_EQ(runs.size(), 3u);
  EXPECT_TRUE(runs[1].is_break);
  EXPECT_EQ(runs[2], (WeightedText{"b", 1.1, false}));
  EXPECT_EQ(parse_attention("猫，BREAK，犬").size(), 3u) << "punctuation is no part of a word";
  EXPECT_EQ(parse_attention("猫BREAK").size(), 1u);
}

TEST(Attention, TakesNoNumberThatIsNone) {
  EXPECT_EQ(parse_attention("(a:1.2.3)"), (std::vector<WeightedText>{{"a:1.2.3", 1.1, false}}));
  EXPECT_EQ(parse_attention("(a:-)"), (std::vector<WeightedText>{{"a:-", 1.1, false}}));
}

TEST(Schedule, EqualsTheReference) {
  const Json rows = cases("schedule.json");
  ASSERT_EQ(rows.size(), 37u);
  for (const Json& row : rows) {
    const auto text = row["text"].get<std::string>();
    const auto got = parse_schedule(text, row["steps"].get<int64_t>());
    ASSERT_EQ(got.size(), row["schedule"].size()) << text;
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].last_step, row["schedule"][i][0].get<int64_t>()) << text;
      EXPECT_EQ(got[i].text, row["schedule"][i][1].get<std::string>()) << text;
    }
  }
}

TEST(Schedule, ReadsTextsOfUnclosedBracketsInBoundedTime) {
  for (const size_t count : {500u, 100000u})
    for (const std::string bracket : {"[", "(", "[a:", "([a|"}) {
      std::string text;
      for (size_t i = 0; i < count; ++i) text += bracket;
      EXPECT_EQ(parse_schedule(text, 2), (std::vector<ScheduledText>{{2, text}}))
          << count << bracket;
    }
}

TEST(Schedule, TakesNumbersBeyondTheSteps) {
  EXPECT_EQ(parse_schedule("[a:b:1e300]", 3), (std::vector<ScheduledText>{{3, "a"}}));
  EXPECT_EQ(parse_schedule("[a:b:-7]", 3), (std::vector<ScheduledText>{{3, "b"}}));
}

using Parts = std::vector<PromptPart>;

TEST(PromptParts, SplitAtAndWithWeights) {
  EXPECT_EQ(split_prompt("a cat"), (Parts{{"a cat", 1.0}}));
  EXPECT_EQ(split_prompt("a cat AND a dog"), (Parts{{"a cat", 1.0}, {" a dog", 1.0}}));
  EXPECT_EQ(split_prompt("a cat :1.2 AND a dog AND night:-.5 "),
            (Parts{{"a cat", 1.2}, {" a dog", 1.0}, {" night", -0.5}}));
  EXPECT_EQ(split_prompt("SAND AND (a:1.2)"), (Parts{{"SAND", 1.0}, {" (a:1.2)", 1.0}}));
  EXPECT_EQ(split_prompt("a and b, 16:9"), (Parts{{"a and b, 16:9", 1.0}}));
}

TEST(Schedule, GoesOnCountingInASecondPass) {
  const auto at = [](std::string_view text) { return parse_schedule(text, 10, 20); };
  EXPECT_EQ(at("[a:b:0.5]"), (std::vector<ScheduledText>{{10, "b"}}));
  EXPECT_EQ(at("[a:b:7]"), (std::vector<ScheduledText>{{10, "b"}}));
  EXPECT_EQ(at("[a:b:1.5]"), (std::vector<ScheduledText>{{5, "a"}, {10, "b"}}));
  EXPECT_EQ(at("[a:b:23]"), (std::vector<ScheduledText>{{3, "a"}, {10, "b"}}));
  EXPECT_EQ(at("[a|b]").size(), 10u) << "turns begin anew";
}

}  // namespace
}  // namespace tempera::diffusion
