#include "diffusion/prompt/tokenizer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "diffusion/prompt/stock_tokenizer.h"
#include "diffusion/prompt/utf8.h"

namespace tempera::diffusion {
namespace {

// A folder of this process, gone with the object.
struct TemporaryFolder {
  explicit TemporaryFolder(const std::string& name)
      : path(fmt::format("{}tempera_{}_{}", testing::TempDir(), name, getpid())) {
    std::filesystem::create_directories(path);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string path;
};

// Fills a tokenizer's folder with CLIP's vocabulary and the given configuration files.
void fill_folder(const std::string& folder, const std::string& config = "",
                 const std::string& special = "", const std::string& added = "") {
  static const TokenizerFiles stock = stock_tokenizer_files(Padding::end);
  const auto write = [&](const char* file, const std::string& content) {
    if (!content.empty()) CHECK(write_file(folder + "/" + file, content).ok());
  };
  write("vocab.json", stock.at("vocab.json"));
  write("merges.txt", stock.at("merges.txt"));
  write("tokenizer_config.json", config);
  write("special_tokens_map.json", special);
  write("added_tokens.json", added);
}

Tokenizer load_clip(const std::string& config = "", const std::string& special = "",
                    const std::string& added = "") {
  const TemporaryFolder folder("tokenizer");
  fill_folder(folder.path, config, special, added);
  return load_tokenizer(folder.path).value();
}

const Tokenizer& clip() {
  static const Tokenizer tokenizer = load_clip();
  return tokenizer;
}

using Ids = std::vector<int32_t>;

TEST(Tokenizer, GivesTransformersIds) {
  const Json cases =
      read_json_file(TEMPERA_SOURCE_DIR "/test/data/tokenizer/cases.json").value()["cases"];
  EXPECT_EQ(cases.size(), 230u);
  for (const Json& row : cases) {
    const std::string text = row["text"];
    EXPECT_EQ(clip().encode(text), row["ids"].get<Ids>()) << text;
    EXPECT_EQ(clip().encode_padded(text, 77), row["ids_77"].get<Ids>()) << text;
  }
}

TEST(StockTokenizer, PadsAsTheModelsOfItsGenerationDo) {
  const auto padded = [](Padding padding) {
    return make_tokenizer(stock_tokenizer_files(padding), "built-in")->encode_padded("a!", 5);
  };
  EXPECT_EQ(padded(Padding::end), (Ids{49406, 320, 256, 49407, 49407}));
  EXPECT_EQ(padded(Padding::exclamation), (Ids{49406, 320, 0, 49407, 0}));
}

TEST(StockTokenizer, IsThatOfItsFiles) {
  for (const Padding padding : {Padding::end, Padding::exclamation}) {
    const Tokenizer stock = stock_tokenizer(padding);
    const Tokenizer of_files = make_tokenizer(stock_tokenizer_files(padding), "built-in").value();
    for (const char* text :
         {"a red heart!!", "Ça va? <|endoftext|> 12 <|startoftext|>", "", "\xff"}) {
      EXPECT_EQ(stock.encode(text), of_files.encode(text)) << text;
      EXPECT_EQ(stock.encode_padded(text, 9), of_files.encode_padded(text, 9)) << text;
    }
    EXPECT_EQ(stock.settings().model_max_length, of_files.settings().model_max_length);
  }
}

TEST(Tokenizer, CutsToTheLengthAskedFor) {
  EXPECT_EQ(clip().encode_padded("a a a a a a", 4), (Ids{49406, 320, 320, 49407}));
  EXPECT_EQ(clip().encode_padded("a", 5), (Ids{49406, 320, 49407, 49407, 49407}));
  EXPECT_EQ(clip().settings().model_max_length, 77);
}

TEST(Tokenizer, PadsWithTheConfiguredTokenWhichIsThenSpecialInText) {
  const Tokenizer tokenizer = load_clip(R"({"pad_token": "!", "model_max_length": 6})");
  EXPECT_EQ(tokenizer.encode_padded("a", 6), (Ids{49406, 320, 49407, 0, 0, 0}));
  EXPECT_EQ(tokenizer.encode("a!!"), (Ids{49406, 320, 0, 0, 49407}));
  EXPECT_EQ(clip().encode("a!"), (Ids{49406, 320, 256, 49407}));
  EXPECT_EQ(tokenizer.settings().model_max_length, 6);
}

TEST(Tokenizer, LooksForNormalizedSpecialTokensInNormalizedText) {
  const std::string token = R"({"content": "<|endoftext|>", "normalized": true})";
  const std::string map =
      fmt::format(R"({{"eos_token": {}, "unk_token": {}, "pad_token": "!"}})", token, token);
  const Tokenizer tokenizer = load_clip("", map);
  EXPECT_EQ(tokenizer.encode("<|ENDOFTEXT|>"), (Ids{49406, 49407, 49407}));
  EXPECT_NE(clip().encode("<|ENDOFTEXT|>"), (Ids{49406, 49407, 49407}));
}

TEST(Tokenizer, KnowsAddedTokens) {
  const Tokenizer tokenizer = load_clip("", "", R"({"<cat-toy>": 49408})");
  EXPECT_EQ(tokenizer.encode("a <cat-toy>"), (Ids{49406, 320, 49408, 49407}));
}

TEST(Tokenizer, TakesAnEndlessLengthForCliPs) {
  const std::string config = R"({"model_max_length": 1000000000000000019884624838656})";
  const Tokenizer tokenizer = load_clip(config);
  EXPECT_EQ(tokenizer.settings().model_max_length, 77);
}

TEST(Tokenizer, EncodesAVeryLongWordQuickly) {
  EXPECT_GT(clip().encode(std::string(200000, 'x')).size(), 10000u);
}

TEST(Tokenizer, NamesWhatAFolderLacks) {
  const TemporaryFolder broken("broken");
  const std::string& folder = broken.path;
  fill_folder(folder);
  ASSERT_TRUE(write_file(folder + "/merges.txt", "#version\na b c\n").ok());
  EXPECT_EQ(load_tokenizer(folder).error().message,
            folder + "/merges.txt: merge 1 is 'a b c', not two tokens");
  ASSERT_TRUE(write_file(folder + "/merges.txt", "zqzq qqqq").ok());
  EXPECT_EQ(load_tokenizer(folder).error().message,
            folder + "/merges.txt: merge 1 needs 'zqzq', which vocab.json lacks");
  ASSERT_TRUE(write_file(folder + "/vocab.json", R"({"a": 0})").ok());
  EXPECT_EQ(load_tokenizer(folder).error().message,
            folder + "/vocab.json: no token '<|endoftext|>'");
  EXPECT_EQ(load_tokenizer("/nowhere").error().code, ErrorCode::not_found);
}

TEST(RepairUtf8, ReplacesMaximalSubparts) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(repair_utf8("a\xFF"), "a" + r);
  EXPECT_EQ(repair_utf8("\xE2\x82"), r);  // cut short
  EXPECT_EQ(repair_utf8("\xE2\x82z"), r + "z");
  EXPECT_EQ(repair_utf8("\xED\xA0\x80"), r + r + r);          // a surrogate
  EXPECT_EQ(repair_utf8("\xF4\x90\x80\x80"), r + r + r + r);  // over U+10FFFF
  EXPECT_EQ(repair_utf8("\xC0\xAF"), r + r);                  // overlong
  EXPECT_EQ(repair_utf8("\xF0\x9F\x98\x80 caf\xC3\xA9"), "\xF0\x9F\x98\x80 caf\xC3\xA9");
}

}  // namespace
}  // namespace tempera::diffusion
