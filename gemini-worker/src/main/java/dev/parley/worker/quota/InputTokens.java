package dev.parley.worker.quota;

import dev.parley.pipeline.message.GenerationRequest;

/**
 * An estimate of a request's input tokens before the model has counted them, rather too large than too small: a limit is
 * kept by it. Gemini's tokenizer takes about four characters of English for a token and one to one and a half of Chinese or
 * Japanese (source: the provider's page on tokens); counted are three ASCII characters for one, any other character as a
 * whole one, and a few for the frame of each turn. What it really was is entered when the answer is there.
 */
public final class InputTokens {
    private static final int ASCII_PER_TOKEN = 3;
    private static final int FRAME = 8;

    private InputTokens() {}

    public static int estimate(GenerationRequest request) {
        long tokens = request.systemInstruction().map(InputTokens::of).orElse(0L);
        for (GenerationRequest.Turn turn : request.turns()) {
            tokens += of(turn.text());
        }
        return (int) Math.min(Integer.MAX_VALUE, tokens);
    }

    private static long of(String text) {
        long ascii = text.chars().filter(each -> each < 128).count();
        long other = text.codePoints().filter(each -> each >= 128).count();
        return FRAME + other + (ascii + ASCII_PER_TOKEN - 1) / ASCII_PER_TOKEN;
    }
}
