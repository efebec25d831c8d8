#include "diffusion/prompt/prompt_plan.h"

#include <gtest/gtest.h>

#include <string>

namespace tempera::diffusion {
namespace {

constexpr int32_t kComma = 26, kBegin = 27, kEnd = 28, kPad = 29;

// Words are letters, each a token, and commas.
Tokenizer letters() {
  Json vocab = Json::object();
  for (char c = 'a'; c <= 'z'; ++c) vocab[std::string(1, c) + "</w>"] = c - 'a';
  vocab[",</w>"] = kComma;
  vocab["<begin>"] = kBegin;
  vocab["<end>"] = kEnd;
  BytePairs pairs = BytePairs::make(vocab, "", "<end>", "test").value();
  return Tokenizer(std::move(pairs), {}, {.begin_id = kBegin, .end_id = kEnd, .pad_id = kPad});
}

// `count` words of one letter.
std::string words(int64_t count, char letter = 'a') {
  std::string text;
  for (int64_t i = 0; i < count; ++i) text += std::string(" ") + letter;
  return text;
}

std::vector<PromptChunk> chunks(const std::string& text, int64_t length = 77) {
  return split_chunks(parse_attention(text), letters(), length);
}

PromptPlan plan(const std::string& prompt, const std::string& negative, int64_t steps = 4,
                int64_t length = 77) {
  return make_prompt_plan({prompt, &negative}, {PromptLanguage::a1111}, letters(), length, steps)
      .value();
}

// The chunks themselves, as split_chunks gives them.
PromptRow chunks_of(PromptRow row) {
  for (PromptChunk& chunk : row) chunk.mean_group = 0;
  return row;
}

using Ids = std::vector<int32_t>;
using Weights = std::vector<float>;

TEST(PromptChunks, HoldBeginTokensEndAndPadding) {
  const auto got = chunks("a (b:1.5)", 7);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].ids, (Ids{kBegin, 0, 1, kEnd, kPad, kPad, kPad}));
  EXPECT_EQ(got[0].weights, (Weights{1, 1, 1.5f, 1, 1, 1, 1}));
  EXPECT_EQ(chunks("", 4)[0], plain_chunk("", letters(), 4));
}

TEST(PromptChunks, BeginAnewBeyond75Tokens) {
  EXPECT_EQ(chunks(words(75)).size(), 1u);
  const auto got = chunks(words(76));
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].ids[75], 0);
  EXPECT_EQ(got[0].ids[76], kEnd);
  EXPECT_EQ(got[1].ids[1], 0);
  EXPECT_EQ(got[1].ids[2], kEnd);
}

TEST(PromptChunks, MoveWhatFollowsACommaAmongTheLast20Tokens) {
  const auto near = chunks(words(55) + "," + words(25, 'b'));
  ASSERT_EQ(near.size(), 2u);
  EXPECT_EQ(near[0].ids[56], kComma);
  EXPECT_EQ(near[0].ids[57], kEnd) << "what follows the comma is in the next chunk";
  EXPECT_EQ(near[0].ids[58], kPad);
  EXPECT_EQ(near[1].ids[25], 1);
  EXPECT_EQ(near[1].ids[26], kEnd);
  const auto far = chunks(words(54) + "," + words(26, 'b'));
  EXPECT_EQ(far[0].ids[75], 1) << "the comma is too far back";
  const auto last = chunks(words(75) + "," + words(3, 'b'));
  EXPECT_EQ(last[0].ids[75], 0);
  EXPECT_EQ(last[1].ids[1], kComma) << "a comma that has no room begins the next chunk";
}

TEST(PromptChunks, KeepAnAddedWordsVectorsTogether) {
  Tokenizer tokenizer = letters();
  tokenizer.add_word("style", {100, 101, 102});
  const auto split = [&](const std::string& text, int64_t length) {
    return split_chunks(parse_attention(text), tokenizer, length);
  };
  const auto got = split("a a a style b", 7);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].ids, (Ids{kBegin, 0, 0, 0, kEnd, kPad, kPad}));
  EXPECT_EQ(got[1].ids, (Ids{kBegin, 100, 101, 102, 1, kEnd, kPad}));
  EXPECT_EQ(split("a a style", 7).size(), 1u) << "it just fits";
  EXPECT_EQ(split("style", 4).size(), 2u) << "it fits in no chunk";
}

TEST(PromptChunks, KeepWeightsWhereTokensMove) {
  const auto got = chunks(words(60) + ",(" + words(20, 'b') + ":2)");
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].weights, Weights(77, 1.0f));
  EXPECT_EQ(got[1].weights[1], 2.0f);
  EXPECT_EQ(got[1].weights[20], 2.0f);
  EXPECT_EQ(got[1].weights[21], 1.0f);
}

TEST(PromptChunks, EndAtBreak) {
  EXPECT_EQ(chunks("a BREAK b").size(), 2u);
  EXPECT_EQ(chunks("BREAK").size(), 1u);
  EXPECT_EQ(chunks("a BREAK").size(), 1u);
  EXPECT_EQ(chunks("a BREAK BREAK b").size(), 3u);
}

TEST(PromptPlan, HasAContextForEachChoiceOfTextsInTheOrderOfSteps) {
  const PromptPlan got = plan("[a|b] c", "[d:e:2]", 5);
  EXPECT_EQ(got.contexts.size(), 4u);
  EXPECT_EQ(got.of_step, (std::vector<size_t>{0, 1, 2, 3, 2}));
  EXPECT_EQ(got.rows(), 2);
  EXPECT_EQ(chunks_of(got.contexts[3][0]), chunks("e")) << "the negative prompt comes first";
  EXPECT_EQ(chunks_of(got.contexts[3][1]), chunks("b c"));
}

TEST(PromptPlan, HasARowForEachPart) {
  const PromptPlan got = plan("a AND b:2", "c");
  EXPECT_EQ(got.rows(), 3);
  EXPECT_EQ(got.part_weights, (std::vector<double>{1, 2}));
  EXPECT_EQ(chunks_of(got.contexts[0][0]), chunks("c"));
  EXPECT_EQ(chunks_of(got.contexts[0][1]), chunks("a"));
  EXPECT_EQ(chunks_of(got.contexts[0][2]), chunks("b"));
}

TEST(PromptPlan, MakesRowsMeetAtTheLeastCommonMultipleOfTheirChunks) {
  EXPECT_EQ(plan(words(76), "a").chunks, 2);
  EXPECT_EQ(plan(words(151), words(76)).chunks, 6);
  const PromptPlan parts = plan(words(151) + " AND " + words(76), words(76));
  EXPECT_EQ(parts.part_chunks, 3) << "the second part goes on with its last hidden state";
  EXPECT_EQ(parts.chunks, 6);
  const std::string negative = words(67 * 75);
  EXPECT_EQ(make_prompt_plan({words(66 * 75), &negative}, {PromptLanguage::a1111}, letters(), 77, 1)
                .error()
                .message,
            "the prompts take 67 and 66 chunks of tokens, which meet at more than 128; make them "
            "shorter, or of equal length");
}

TEST(PromptPlan, FillsShorterTextsOfOneScheduleWithEmptyChunks) {
  const PromptPlan got = plan("[a:" + words(76) + ":2]", "");
  EXPECT_EQ(got.chunks, 2);
  EXPECT_EQ(chunks_of(got.contexts[0][1]), (PromptRow{chunks("a")[0], chunks("")[0]}));
  EXPECT_EQ(got.mean_groups.size(), 3u) << "one for the negative prompt, one a place";
  EXPECT_EQ(got.mean_groups[2].size(), 2u) << "one a text";
}

TEST(PromptPlan, SkipsNoLayersOfAPlainNegativePrompt) {
  const std::string negative = "a";
  for (const auto language : {PromptLanguage::plain, PromptLanguage::a1111}) {
    const PromptPlan got =
        make_prompt_plan({"b", &negative}, {language, 2}, letters(), 77, 1).value();
    EXPECT_EQ(got.contexts[0][0][0].clip_skip, language == PromptLanguage::plain ? 1 : 2);
    EXPECT_EQ(got.contexts[0][1][0].clip_skip, 2);
  }
}

TEST(PromptPlan, ReadsPlainTextAsItStandsAndCutsIt) {
  const std::string negative = "a AND b";
  const PromptPlan got =
      make_prompt_plan({words(100), &negative}, {PromptLanguage::plain}, letters(), 77, 3).value();
  EXPECT_EQ(got.chunks, 1);
  EXPECT_EQ(got.rows(), 2);
  EXPECT_EQ(got.of_step, (std::vector<size_t>{0, 0, 0}));
  EXPECT_EQ(got.contexts[0][1][0].ids[76], kEnd);
}

}  // namespace
}  // namespace tempera::diffusion
