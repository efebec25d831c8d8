#include "diffusion/infotext.h"

#include <gtest/gtest.h>

#include <map>

#include "base/json.h"

namespace tempera::diffusion {
namespace {

TEST(Infotext, IsWhatTheWebuiWrites) {
  EXPECT_EQ(format_infotext({"a cat",
                             "blurry",
                             {{"Steps", "20"},
                              {"Sampler", "DPM++ 2M Karras"},
                              {"CFG scale", "7.5"},
                              {"Seed", "1"},
                              {"Size", "512x512"}}}),
            "a cat\nNegative prompt: blurry\n"
            "Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7.5, Seed: 1, Size: 512x512");
}

TEST(Infotext, HasNoNegativeLineWithoutANegativePrompt) {
  EXPECT_EQ(format_infotext({"a cat", "", {{"Steps", "20"}}}), "a cat\nSteps: 20");
}

TEST(Infotext, QuotesValuesThatTheLineWouldSplit) {
  EXPECT_EQ(format_infotext({"x", "", {{"Model", "a, \"b\""}, {"Note", "1\n2"}, {"Plain", "a b"}}}),
            "x\nModel: \"a, \\\"b\\\"\", Note: \"1\\n2\", Plain: a b");
}

using Fields = std::vector<std::pair<std::string, std::string>>;

TEST(Infotext, IsTakenApartAsTheTableSays) {
  const char* goldens = std::getenv("TEMPERA_GOLDENS");
  const std::string file =
      goldens ? std::string(goldens) + "/infotext/cases.json"
              : std::string(TEMPERA_SOURCE_DIR) + "/test/data/images/infotext.json";
  const Json cases = read_json_file(file).value();
  ASSERT_GE(cases["cases"].size(), 25u);
  for (const Json& row : cases["cases"]) {
    const Infotext got = parse_infotext(row["text"].get<std::string>());
    EXPECT_EQ(got.prompt, row["prompt"]) << row;
    EXPECT_EQ(got.negative_prompt, row["negative"]) << row;
    EXPECT_EQ((std::map<std::string, std::string>(got.fields.begin(), got.fields.end())),
              (row["fields"].get<std::map<std::string, std::string>>()));
  }
}

TEST(Infotext, ReadsWhatItWrites) {
  const Infotext infotext{
      "a cat,\non a mat", "x", {{"Steps", "20"}, {"Model", "a, \"b\""}, {"Note", "1\n2"}}};
  const Infotext got = parse_infotext(format_infotext(infotext));
  EXPECT_EQ(got.prompt, infotext.prompt);
  EXPECT_EQ(got.negative_prompt, infotext.negative_prompt);
  EXPECT_EQ(got.fields, infotext.fields);
}

TEST(Infotext, KeepsBracesAndUnclosedQuotesTogether) {
  const Infotext got = parse_infotext(
      "x\nSteps: 4, Hashes: {\"a\": \"1\", \"b\": \"2\"}, Seed: 1, Odd: \"no end, Size: 8x8");
  EXPECT_EQ(got.fields, (Fields{{"Steps", "4"},
                                {"Hashes", "{\"a\": \"1\", \"b\": \"2\"}"},
                                {"Seed", "1"},
                                {"Odd", "\"no end"},
                                {"Size", "8x8"}}));
}

TEST(Infotext, ToleratesPartsWithoutAKeyBehindTheSteps) {
  EXPECT_EQ(parse_infotext("x\nSteps: 4, Seed: 1, Hashes: a, b, Size: 8x8").fields,
            (Fields{{"Steps", "4"}, {"Seed", "1"}, {"Hashes", "a, b"}, {"Size", "8x8"}}));
  EXPECT_TRUE(parse_infotext("x\nbest, a b: 1, c d: 2, e f: 3").fields.empty());
}

TEST(Infotext, TakesAnyBytes) {
  const std::string text =
      "a\nNegative prompt: b\nSteps: 1, AB: \"c\\\"d\", EF: {\"x\": 1}, Size: 8x8";
  for (size_t i = 0; i <= text.size(); ++i) {
    parse_infotext(text.substr(0, i));
    for (const char c : {'"', '\\', ',', ':', '{', '}', '\n', '\0', '\xFF'})
      parse_infotext(text.substr(0, i) + c + text.substr(i));
  }
}

}  // namespace
}  // namespace tempera::diffusion
